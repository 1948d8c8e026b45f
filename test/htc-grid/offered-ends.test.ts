/** Ends that a replica offers to the one that writes: all of them, whenever they come. */
import { expect, it, vi } from 'vitest';
import { OfferedEnds } from '../../src/grids/htc-grid/offered-ends.js';
import { HandClock } from '../streams/hand-clock.js';

const end = (taskId: string) => [{ taskId, revision: 'r', state: 'SUCCEEDED' as const, seenAt: 0 }];

it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
  'an end is sent that is offered as the one before was, %s steps behind its answer',
  async (steps) => {
    let sent = 0;
    let answered: () => void = () => undefined;
    const offers = new OfferedEnds({
      ...{ key: 'offers', logKey: 'head', keepMs: 1, clock: new HandClock() },
      replicas: {
        run: <T>() =>
          new Promise<T>((resolve) => {
            sent++;
            answered = () => {
              resolve(undefined as T);
            };
          }),
      },
    });
    offers.offer(end('a'));
    answered();
    for (let step = 0; step < steps; step++) await Promise.resolve();
    offers.offer(end('b'));
    await vi.waitFor(() => {
      answered();
      expect(sent).toBe(2);
    });
    offers.stop();
  },
);
