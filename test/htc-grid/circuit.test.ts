/** A place that gives no answer is left alone, tried once, and health says since when. */
import { describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import { throttledError } from '../../src/grids/htc-grid/calls.js';
import { Circuit } from '../../src/grids/htc-grid/circuit.js';
import { guardedComponent } from '../../src/grids/htc-grid/guarded.js';
import { live } from './support.js';

const late = () => Promise.reject(new GridError('TIMED_OUT', 'It did not answer in time.'));
const well = async () => 'well';

function circuit() {
  const time = { now: 1_000_000 };
  const guard = new Circuit({
    what: 'The place',
    failures: 3,
    openMs: 10_000,
    now: () => time.now,
  });
  const fail = async (times: number) => {
    for (let n = 0; n < times; n++, time.now++)
      await expect(guard.through(undefined, late)).rejects.toMatchObject({ code: 'TIMED_OUT' });
  };
  return { time, guard, fail };
}

describe('a circuit', () => {
  it('is DEGRADED after one failure, DOWN and open after three, with the first as its beginning', async () => {
    const { time, guard, fail } = circuit();
    expect(guard.state).toEqual({ status: 'OK', detail: null, since: null });
    const since = time.now;
    await fail(1);
    expect(guard.state).toMatchObject({ status: 'DEGRADED', since });
    time.now += 500;
    await fail(2);
    expect(guard.state).toMatchObject({
      status: 'DOWN',
      since,
      detail: '3 failed in a row; the last: It did not answer in time.',
    });
    let asked = false;
    const call = guard.through(undefined, async () => {
      asked = true;
    });
    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 9_999 });
    expect(asked).toBe(false);
  });

  it('is half open then: one call tries, the others still wait, and an answer closes it', async () => {
    const { time, guard, fail } = circuit();
    await fail(3);
    time.now += 10_000;
    let answer: (value: string) => void = () => undefined;
    const trying = guard.through(undefined, () => new Promise<string>((done) => (answer = done)));
    await expect(guard.through(undefined, well)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    answer('back');
    expect(await trying).toBe('back');
    expect(guard.state.status).toBe('OK');
    expect(await guard.through(undefined, well)).toBe('well');
  });

  it('stays open when the one that tries fails', async () => {
    const { time, guard, fail } = circuit();
    await fail(3);
    time.now += 10_000;
    await fail(1);
    await expect(guard.through(undefined, well)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('takes calls beside each other that fail together for one failure', async () => {
    const { guard } = circuit();
    const lost: ((error: Error) => void)[] = [];
    const calls = Array.from({ length: 8 }, () =>
      guard.through(undefined, () => new Promise((_done, fail) => lost.push(fail))),
    );
    for (const lose of lost) lose(new GridError('TIMED_OUT', 'late'));
    await Promise.allSettled(calls);
    expect(guard.state).toMatchObject({
      status: 'DEGRADED',
      detail: '1 failed in a row; the last: late',
    });
  });

  it('takes refusals, throttles and callers that leave for no failure', async () => {
    const { guard } = circuit();
    const failures = [
      throttledError('The place'),
      new GridError('UNAVAILABLE', 'It refuses the credentials.'),
      new GridError('LIMIT_EXCEEDED', 'Too large.'),
    ];
    for (const failure of failures)
      await expect(guard.through(undefined, () => Promise.reject(failure))).rejects.toBe(failure);
    const left = AbortSignal.abort(new Error('gone'));
    await expect(guard.through(left, late)).rejects.toThrow();
    expect(guard.state.status).toBe('OK');
  });
});

describe('its line in health', () => {
  it('asks nothing while it is open, and probes when it is half open', async () => {
    const { time, guard, fail } = circuit();
    let probes = 0;
    const component = guardedComponent('table', guard, async () => {
      probes++;
      return 'answers';
    });
    expect(await component.check(live())).toMatchObject({ status: 'OK', detail: 'answers' });
    const since = time.now;
    await fail(1);
    expect(await component.check(live())).toMatchObject({ status: 'DEGRADED', since });
    await fail(2);
    expect(await component.check(live())).toMatchObject({ status: 'DOWN', since });
    expect(probes).toBe(2);
    time.now += 10_000;
    expect(await component.check(live())).toMatchObject({
      status: 'OK',
      detail: 'answers',
      since: null,
    });
    expect(await guard.through(undefined, well)).toBe('well');
  });

  it('is DOWN with the first failure of its probe as the beginning', async () => {
    const { guard } = circuit();
    let down = true;
    const refused = new GridError('UNAVAILABLE', 'It refuses the credentials of this server.');
    const component = guardedComponent('S3', guard, () =>
      down ? Promise.reject(refused) : Promise.resolve('answers'),
    );
    const first = await component.check(live());
    expect(first).toMatchObject({
      status: 'DOWN',
      detail: refused.message,
      since: expect.any(Number) as number,
    });
    expect((await component.check(live())).since).toBe(first.since);
    down = false;
    expect(await component.check(live())).toMatchObject({ status: 'OK', since: null });
  });
});
