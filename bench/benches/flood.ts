/** 10,000 completions a second behind the source port, into 100 subscribers of batches: nothing lost, memory flat. */
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import type { Flood, FloodSettings } from '../servers/flood.js';

export const flood: Bench = {
  name: 'flood',
  about: '10,000 completions a second into 100 subscribers for a minute: what is lost, and memory',
  async run({ quick }) {
    const seconds = quick ? 6 : 60;
    const settings: FloodSettings = { subscribers: 100, aSecond: 10_000, seconds, tasks: 20_000 };
    const child = await Child.start('flood', settings);
    try {
      const startedAt = performance.now();
      const { told, due, got, lateMs, used } = await child.ask<Flood>('flood');
      const tookMs = performance.now() - startedAt;
      // A session has its whole log at its end: the same moments of sessions are compared.
      const half = Math.floor(used.length / 2);
      const peak = (of: readonly number[]) => Math.max(...of);
      const [first, second] = [peak(used.slice(0, half)), peak(used.slice(half))];
      return [
        {
          what: 'completions that a subscriber did not get',
          value: due - got,
          unit: 'ends',
          target: { atMost: 0 },
          detail: `${String(told)} told, ${String(got)} of ${String(due)} got`,
        },
        {
          what: 'completions told',
          value: told / (tookMs / 1000),
          unit: 'a second',
          target: { atLeast: 0.95 * settings.aSecond },
          detail: `in ${(tookMs / 1000).toFixed(1)} s, the last subscriber included`,
        },
        { what: 'longest wait of a completion', value: lateMs, unit: 'ms' },
        {
          what: 'memory in use, the second half times the first, at its peak',
          value: second / first,
          unit: 'x',
          target: { atMost: 1.1 },
          detail: `${(first / 2 ** 20).toFixed(0)} and ${(second / 2 ** 20).toFixed(0)} MB`,
        },
      ];
    } finally {
      await child.stop();
    }
  },
};
