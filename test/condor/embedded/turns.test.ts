/** Long work of the embedded pool holds nobody up, and is done as often as it was asked for. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { Turns } from '../../../src/grids/condor/embedded/turns.js';
import { systemClock } from '../../../src/streams/clock.js';
import { HandClock } from '../../streams/hand-clock.js';

test('work that would go on and on gives way to others', async () => {
  let others = false;
  let gaveWay: boolean | undefined;
  const turns = new Turns(systemClock, function* () {
    for (let step = 0; !others && step < 100_000_000; step += 1) yield;
    gaveWay = others;
  });
  onTestFinished(() => turns.stop());
  turns.ask();
  setTimeout(() => (others = true), 1);
  await vi.waitFor(() => expect(gaveWay).toBe(true));
});

test('who asks while it goes on gets it once more, from its beginning', async () => {
  const clock = new HandClock();
  const steps: number[] = [];
  const turns: Turns = new Turns(clock, function* () {
    for (const step of [1, 2]) {
      steps.push(step);
      if (steps.length === 1) {
        turns.ask();
        turns.ask();
      }
      yield;
    }
  });
  turns.ask();
  turns.ask();
  await clock.advance(1);
  expect(steps).toEqual([1, 2, 1, 2]);
  expect(clock.timers).toBe(0);
});

test('once it is stopped nothing is begun', async () => {
  const clock = new HandClock();
  let begun = 0;
  const turns = new Turns(clock, function* () {
    begun += 1;
    yield;
  });
  turns.ask();
  turns.stop();
  turns.ask();
  await clock.advance(1);
  expect(begun).toBe(0);
  expect(clock.timers).toBe(0);
});
