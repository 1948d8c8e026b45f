/** 10,000 completions a second behind the source port, into 100 subscribers of batches: nothing lost, memory flat. */
import type { Bench, Finding } from '../bench.js';
import { Child } from '../child.js';
import type { Flood, FloodSettings } from '../servers/flood.js';

/** What is compared: minutes, or in a quick run less. */
const parts = 3;

export const flood: Bench = {
  name: 'flood',
  about: `10,000 completions a second into 100 subscribers for ${String(parts)} minutes: what is lost, and memory`,
  async run({ quick }) {
    const partSeconds = quick ? 4 : 60;
    const seconds = parts * partSeconds;
    const settings: FloodSettings = { subscribers: 100, aSecond: 10_000, seconds, tasks: 20_000 };
    const child = await Child.start('flood', settings);
    try {
      const startedAt = performance.now();
      const { told, due, got, lateMs, used } = await child.ask<Flood>('flood');
      const tookMs = performance.now() - startedAt;
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
        growth(used, partSeconds),
      ];
    } finally {
      await child.stop();
    }
  },
};

/** The most from one part to the next. A session has its whole log at its end: the same moments of sessions are compared. */
function growth(used: Flood['used'], partSeconds: number): Finding {
  const partOf = (second: number): number => Math.min(parts - 1, Math.floor(second / partSeconds));
  const peaks = Array.from({ length: parts }, (_, n) =>
    Math.max(...used.filter(([second]) => partOf(second) === n).map(([, bytes]) => bytes)),
  );
  const [first = NaN, ...later] = peaks;
  const steps = later.map((peak, n) => peak / (peaks[n] ?? first));
  const megabytes = peaks.map((bytes) => (bytes / 2 ** 20).toFixed(1));
  return {
    what: `memory in use at its peak, ${partSeconds} s times those before, the most of ${steps.length}`,
    value: Math.max(...steps),
    unit: 'x',
    spread: [Math.min(...steps), Math.max(...steps)],
    target: { atMost: 1.1 },
    detail: `${megabytes.join(', ')} MB`,
  };
}
