/** A session of 10,000 tasks on the embedded grid: submitted, paged, grouped and followed to its end. */
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import type { SessionRun } from '../servers/session.js';

export const session: Bench = {
  name: 'session',
  about: 'a session on the embedded grid, from its submission to the end of its stream',
  async run({ quick }) {
    const tasks = quick ? 1_000 : 10_000;
    const child = await Child.start('session', { tasks });
    try {
      const grown: SessionRun[] = [];
      const megabytes = await child.growthOf(async () =>
        grown.push(await child.ask<SessionRun>('run')),
      );
      const [run] = grown;
      if (!run) return [];
      const rate = (what: string, ms: number) =>
        ({
          what,
          value: tasks / (ms / 1000),
          unit: 'a second',
          detail: `${tasks} tasks in ${(ms / 1000).toFixed(2)} s`,
        }) as const;
      return [
        rate('tasks submitted', run.submitMs),
        rate('tasks worked on, and each seen in the stream, from the submission on', run.followMs),
        { what: 'a page of 50 tasks in the middle of the work', value: run.pageMs, unit: 'ms' },
        { what: 'groups by state in the middle of the work', value: run.groupMs, unit: 'ms' },
        { what: 'all tasks in pages of 1,000, at the end', value: run.pagesMs / 1000, unit: 's' },
        { what: 'longest block of the event loop', value: run.longestBlockMs, unit: 'ms' },
        {
          what: 'memory of the server beyond what it had, at its peak',
          value: megabytes,
          unit: 'MB',
        },
      ];
    } finally {
      await child.stop();
    }
  },
};
