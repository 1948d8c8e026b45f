/** What an embedded pool says of itself: settings, ads, health, and that it is one. */
import { describe, expect, test } from 'vitest';
import type { ConfigQuery } from '../../../src/grids/jobs.js';
import { all, scanned, signal, sourceOf } from '../pool.js';
import { embedded, only, shell } from './pool.js';

const everything: ConfigQuery = {
  daemon: undefined,
  daemonName: undefined,
  names: undefined,
  matching: undefined,
  changedOnly: false,
};

describe('configuration', () => {
  test('is that of the settings, under the names of HTCondor', async () => {
    const { port } = embedded({ cpus: 3, memoryMb: 500, slots: 3, start: 'Owner == "alice"' });
    const settings = await port.config(everything, signal);
    const value = (name: string) => settings.find((entry) => entry.name === name)?.value;
    expect(value('NUM_CPUS')).toBe('3');
    expect(value('MEMORY')).toBe('500');
    expect(value('NUM_SLOTS')).toBe('3');
    expect(value('START')).toBe('Owner == "alice"');
    expect(value('SCHEDD_NAME')).toBe('embedded@pool');
    expect(value('EMBEDDED_POOL')).toBe('true');
    const named = { ...everything, daemon: 'SCHEDD', names: ['num_cpus', 'none'] } as const;
    expect(await port.config(named, signal)).toMatchObject([
      { name: 'NUM_CPUS', daemon: 'SCHEDD', redacted: false },
    ]);
    expect(await port.config({ ...everything, changedOnly: true }, signal)).toEqual([]);
  });

  test('of a daemon that is not there is refused', async () => {
    const { port } = embedded();
    const other = { ...everything, daemon: 'SCHEDD', daemonName: 'elsewhere' } as const;
    await expect(port.config(other, signal)).rejects.toMatchObject({ code: 'UNKNOWN_SCHEDD' });
    const unsaid = { ...everything, daemonName: 'embedded@pool' };
    await expect(port.config(unsaid, signal)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

test('ads count the jobs, and say that the pool is embedded', async () => {
  const { port, submit, until } = embedded({ cpus: 1 });
  const [first] = await submit(shell('sleep 1000'), { count: 3, owner: 'bob' });
  await submit({ ...shell('exit 0'), hold: true }, { owner: 'alice' });
  if (first) await until(first, 'RUNNING');
  const ads = await scanned(port.ads('ANY'));
  for (const { record } of ads) expect(record?.value('EmbeddedPool')).toBe(true);
  const schedd = only(await scanned(port.ads('SCHEDD')));
  expect(schedd.name).toBe('embedded@pool');
  const counts = ['TotalRunningJobs', 'TotalIdleJobs', 'TotalHeldJobs', 'TotalJobAds'];
  expect(counts.map((name) => schedd.record?.value(name))).toEqual([1, 2, 1, 4]);
  const submitters = await scanned(port.ads('SUBMITTER'));
  expect(submitters.map(({ name }) => name)).toEqual(['bob@embedded.pool', 'alice@embedded.pool']);
  expect(port.embedded).toBe(true);
  expect(await port.health(signal)).toMatchObject({
    status: 'OK',
    components: [
      { name: 'schedd', count: 4 },
      { name: 'history', count: 0 },
      { name: 'slots', count: 1 },
    ],
  });
});

test('hidden attributes are not shown, and not asked by', async () => {
  const { port, submit } = embedded({ hideAttributes: ['Environment'] });
  const key = only(await submit({ ...shell('exit 0'), environment: 'SECRET=1', hold: true }));
  const [source] = await port.jobs({ source: 'QUEUE', scanLimit: 1, since: undefined }, signal);
  const [row] = source ? await scanned(source) : [];
  expect(row?.clusterId).toBe(key.clusterId);
  expect(row?.record?.attribute('environment')).toMatchObject({ redacted: true, value: null });
  const filter = { op: 'defined', ref: { attribute: 'Environment' } } as const;
  const projection = { fields: new Set<string>(), attributes: new Set<string>() };
  const asked = all(source?.scan({ filter, projection, notes: {}, signal }) ?? noRows());
  await expect(asked).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

describe('bounds', () => {
  test('a submission whose jobs together would take much memory is refused whole, dry or not', async () => {
    const { actions, port } = embedded();
    const attributes = { executable: '/bin/true', arguments: `${'x'.repeat(10_000)} $(ProcId)` };
    const request = { schedd: undefined, description: undefined, attributes, items: undefined };
    const rest = { count: 1_000, actor: { identity: 'alice', admin: true }, idempotencyKey: 'k' };
    for (const dryRun of [true, false]) {
      const refused = actions.submit({ ...request, ...rest, dryRun }, signal);
      await expect(refused).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    }
    expect(await scanned(await sourceOf(port))).toEqual([]);
  });

  test('a submission that the queue has no room for is refused whole', async () => {
    const { submit } = embedded({ queueLimit: 5 });
    await submit({ ...shell('exit 0'), hold: true }, { count: 4 });
    const more = submit({ ...shell('exit 0'), hold: true }, { count: 2 });
    await expect(more).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await submit({ ...shell('exit 0'), hold: true });
  });

  test('the history keeps the newest', async () => {
    const { port, submit, act } = embedded({ historyLimit: 3 });
    const keys = await submit({ ...shell('exit 0'), hold: true }, { count: 5 });
    await act({ kind: 'REMOVE', reason: undefined }, ...keys);
    const [source] = await port.jobs(
      { source: 'HISTORY', scanLimit: 100, since: undefined },
      signal,
    );
    const found = source ? await scanned(source) : [];
    expect(found.map(({ procId }) => procId)).toEqual([4, 3, 2]);
  });
});

async function* noRows(): AsyncGenerator<never, void, undefined> {}
