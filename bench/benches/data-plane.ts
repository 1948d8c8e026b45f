/** Inputs and outputs of a session through a Redis that is a millisecond away, against one after another. */
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { outputKey } from '../../src/grids/htc-grid/data-plane.js';
import { encodeOutput } from '../../src/grids/htc-grid/encoding.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { storedInputs } from '../../src/grids/htc-grid/stored.js';
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import { farRedis } from '../far-redis.js';
import { inTurns, ratio, sampleOf, timed } from '../measure.js';

export const dataPlane: Bench = {
  name: 'data-plane',
  about:
    'inputs and outputs of a session through a Redis with 1 ms delay, against one after another',
  async run({ quick }) {
    const tasks = quick ? 500 : 10_000;
    const far = await farRedis();
    const { host, port, client } = far;
    const data = await RedisDataPlane.open({ host, port });
    const payloads = Array.from({ length: tasks }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
    const inputs = () => storedInputs(newSessionId(), payloads);
    const session = newSessionId();
    const reader = await Child.start('outputs', { host, port, session, tasks, page: 1000 });
    const outputs = payloads.map((_, index) => outputKey(taskIdOf(session, index)));
    const output = encodeOutput(JSON.stringify({ text: 'x'.repeat(1000) }));
    const read = () => reader.ask<number>('read');
    try {
      await data.put(outputs.map((key) => [key, output] as const));
      const growth: number[] = [];
      const times = await inTurns(
        {
          putOneByOne: () =>
            timed(async () => {
              for (const [key, text] of inputs()) await client.set(key, text);
            }),
          put: () => timed(() => data.put(inputs())),
          getOneByOne: () =>
            timed(async () => {
              for (const key of outputs) await client.get(key);
            }),
          getPages: async () => {
            let ms = 0;
            growth.push(
              await reader.growthOf(async () => {
                ms = await read();
              }),
            );
            return ms;
          },
        },
        quick ? 1 : 3,
      );
      const { median, least, largest } = sampleOf(growth);
      return [
        ratio(
          `${String(tasks)} inputs of 1 KB one after another, times many at once`,
          [times.putOneByOne, times.put],
          'ms',
          { atLeast: 30 },
        ),
        ratio(
          `${String(tasks)} outputs of 1 KB one after another, times in pages of 1,000`,
          [times.getOneByOne, times.getPages],
          'ms',
          { atLeast: 50 },
        ),
        {
          what: 'memory of the process that read the pages, beyond what it had, at its peak',
          value: median,
          unit: 'MB',
          spread: [least, largest],
        },
      ];
    } finally {
      await reader.stop();
      await data.stop();
      await far.stop();
    }
  },
};
