/** Inputs and outputs of a session through a Redis that is a millisecond away, against one after another. */
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { outputKey } from '../../src/grids/htc-grid/data-plane.js';
import { encodeOutput } from '../../src/grids/htc-grid/encoding.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { storedInputs } from '../../src/grids/htc-grid/stored.js';
import type { Bench, Finding } from '../bench.js';
import { Child } from '../child.js';
import { farRedis } from '../far-redis.js';
import type { Sample } from '../measure.js';
import { inTurns, ratio, timed } from '../measure.js';
import type { OutputsSettings } from '../servers/outputs.js';

export const dataPlane: Bench = {
  name: 'data-plane',
  about:
    'inputs and outputs of a session through a Redis with 1 ms delay, against one after another',
  async run({ quick }) {
    const tasks = quick ? 500 : 10_000;
    // One after another takes as long for each: a tenth of them says it, and lets more rounds show how steady it is.
    const sample = tasks / 10;
    const far = await farRedis();
    const { host, port, client } = far;
    const data = await RedisDataPlane.open({ host, port });
    const payloads = Array.from({ length: tasks }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
    const inputs = (count = tasks) => storedInputs(newSessionId(), payloads.slice(0, count));
    const session = newSessionId();
    const reading = { host, port, session, tasks, page: 1000 };
    const reader = await Child.start('outputs', reading);
    const longer = { ...reading, tasks: 4 * tasks };
    const outputs = Array.from({ length: longer.tasks }, (_, index) =>
      outputKey(taskIdOf(session, index)),
    );
    const output = encodeOutput(JSON.stringify({ text: 'x'.repeat(1000) }));
    try {
      await data.put(outputs.map((key) => [key, output] as const));
      const times = await inTurns(
        {
          putOneByOne: () =>
            tenthOf(async () => {
              for (const [key, text] of inputs(sample)) await client.set(key, text);
            }),
          put: () => timed(() => data.put(inputs())),
          getOneByOne: () =>
            tenthOf(async () => {
              for (const key of outputs.slice(0, sample)) await client.get(key);
            }),
          getPages: () => reader.ask<number>('read'),
        },
        quick ? 1 : 9,
      );
      const memory = await inTurns(
        { one: () => growthOf(reading), four: () => growthOf(longer) },
        quick ? 1 : 3,
      );
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
        growth(`memory of a process that reads ${String(tasks)} in pages, at its peak`, memory.one),
        growth('… that reads four times as many in such pages', memory.four),
      ];
    } finally {
      await reader.stop();
      await data.stop();
      await far.stop();
    }
  },
};

const tenthOf = async (work: () => Promise<void>): Promise<number> => 10 * (await timed(work));

/** Of a process that has read nothing before: one that has keeps room, in which growth would hide. */
async function growthOf(settings: OutputsSettings): Promise<number> {
  const reader = await Child.start('outputs', settings);
  try {
    return await reader.growthOf(() => reader.ask('read'));
  } finally {
    await reader.stop();
  }
}

const growth = (what: string, { median, least, largest }: Sample): Finding => ({
  what,
  value: median,
  unit: 'MB',
  spread: [least, largest],
});
