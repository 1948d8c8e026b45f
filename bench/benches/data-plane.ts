/** Writing the inputs of a session: in pipelines, against one after another as the Python client does. */
import { Redis } from 'ioredis';
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { storedInputs } from '../../src/grids/htc-grid/stored.js';
import { findRedis } from '../../test/real/redis.js';
import type { Bench } from '../bench.js';
import { NotRun } from '../bench.js';
import { delayed } from '../delayed.js';
import { inTurns, ratio, timed } from '../measure.js';

export const dataPlane: Bench = {
  name: 'data-plane',
  about: 'inputs of a session into a Redis with 1 ms delay, against one after another',
  async run({ quick }) {
    const tasks = quick ? 500 : 10_000;
    const redis = findRedis();
    if (typeof redis === 'string') throw new NotRun(redis);
    const server = await redis.start();
    const far = await delayed(server.port, 1);
    const client = new Redis({ host: '127.0.0.1', port: far.port });
    const data = await RedisDataPlane.open({ host: '127.0.0.1', port: far.port });
    const payloads = Array.from({ length: tasks }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
    const inputs = () => storedInputs(newSessionId(), payloads);
    try {
      const times = await inTurns(
        {
          oneByOne: () =>
            timed(async () => {
              for (const [key, text] of inputs()) await client.set(key, text);
            }),
          pipelined: () => timed(() => data.put(inputs())),
        },
        quick ? 1 : 3,
      );
      return [
        ratio(
          `${String(tasks)} inputs of 1 KB one after another, times in pipelines`,
          [times.oneByOne, times.pipelined],
          'ms',
          { atLeast: 30 },
        ),
      ];
    } finally {
      client.disconnect();
      await data.stop();
      await far.stop();
      await server.stop();
    }
  },
};
