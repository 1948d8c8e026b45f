/** Pages of a session of 100,000 tasks in the order of their ids, against those of a small one. */
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import { inTurns, ratio } from '../measure.js';

export const taskPages: Bench = {
  name: 'task-pages',
  about: 'a page of 100 tasks of a large session in a table, against the same of a small one',
  async run({ quick }) {
    const small = 1000;
    const large = quick ? 5000 : 100_000;
    const child = await Child.start('task-pages', { small, large });
    try {
      const { first, ...pages } = {
        first: await child.ask<number>('largeWithTotal'),
        small: () => child.ask<number>('small'),
        large: () => child.ask<number>('large'),
        largeWithTotal: () => child.ask<number>('largeWithTotal'),
      };
      const times = await inTurns(pages, quick ? 5 : 25);
      const what = `a page of ${String(large)} tasks / the same of ${String(small)}`;
      return [
        ratio(what, [times.large, times.small], 'ms', { atMost: 1.3 }),
        ratio(
          `${what}, with totalCount once that is known`,
          [times.largeWithTotal, times.small],
          'ms',
        ),
        { what: 'the first of them with totalCount, which is counted', value: first, unit: 'ms' },
      ];
    } finally {
      await child.stop();
    }
  },
};
