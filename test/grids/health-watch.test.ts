/** Watching how grids are: once for all who do, and only while somebody does. */
import { afterEach, expect, it } from 'vitest';
import type { AnyGrid, HealthStatus } from '../../src/grids/grid.js';
import { HealthWatch } from '../../src/grids/health-watch.js';
import { values } from '../../src/streams/index.js';
import { HandClock, settle } from '../streams/hand-clock.js';

/** A grid that says of itself what a test wants: no real one can be made to fall ill at will. */
class Patient {
  status: HealthStatus = 'OK';
  asked = 0;
  readonly health = (): ReturnType<AnyGrid['health']> => {
    this.asked++;
    const { status } = this;
    const components = [{ name: 'queue', status, detail: `${this.asked}`, count: this.asked }];
    return Promise.resolve({ status, checkedAt: 0, lastOkAt: null, latencyMs: 1, components });
  };
  constructor(readonly name: string) {}
}

const watchers: AbortController[] = [];
afterEach(() => {
  for (const watcher of watchers.splice(0)) watcher.abort();
});

function watch() {
  const clock = new HandClock();
  const patients = [new Patient('a'), new Patient('b')] as const;
  const health = new HealthWatch(patients as unknown as readonly AnyGrid[], { clock });
  const follow = () => {
    const leaving = new AbortController();
    watchers.push(leaving);
    health.hold(leaving.signal);
    const states = values(health, { clock, signal: leaving.signal });
    const next = async () => {
      const { value: frame } = await states.next();
      return frame && [frame.value.grid.name, frame.value.health.status];
    };
    return { next, leaving };
  };
  return { clock, patients, follow };
}

it('tells each grid as it is, then the one that is another', async () => {
  const { clock, patients, follow } = watch();
  const { next } = follow();
  expect([await next(), await next()]).toEqual([
    ['a', 'OK'],
    ['b', 'OK'],
  ]);
  patients[1].status = 'DOWN';
  const change = next();
  await clock.advance(5000);
  expect(await change).toEqual(['b', 'DOWN']);
});

it('says nothing of counts and words that come and go', async () => {
  const { clock, patients, follow } = watch();
  const { next } = follow();
  await next();
  await next();
  const change = next();
  await clock.advance(20_000);
  expect(patients[0].asked).toBe(5);
  patients[0].status = 'DEGRADED';
  await clock.advance(5000);
  expect(await change).toEqual(['a', 'DEGRADED']);
});

it('a reader that is slow gets the last state, not each in between', async () => {
  const { clock, patients, follow } = watch();
  const { next } = follow();
  await next();
  await next();
  for (const status of ['DOWN', 'DEGRADED', 'OK', 'DOWN'] as const) {
    patients[0].status = status;
    await clock.advance(5000);
  }
  expect(await next()).toEqual(['a', 'DOWN']);
});

it('asks once for all who watch, and nobody once they have left', async () => {
  const { clock, patients, follow } = watch();
  const both = [follow(), follow()];
  await Promise.all(both.map(({ next }) => next()));
  await clock.advance(5000);
  expect(patients[0].asked).toBe(2);
  for (const { leaving } of both) leaving.abort();
  await clock.advance(60_000);
  expect(patients[0].asked).toBe(2);
  expect(clock.timers).toBe(0);
  patients[0].status = 'DOWN';
  const { next } = follow();
  await settle();
  expect(await next()).toEqual(['a', 'DOWN']);
});
