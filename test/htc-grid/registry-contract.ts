/** What every session registry promises, wherever it keeps its entries. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Hold, SessionEntry, SessionRegistry } from '../../src/grids/htc-grid/registry.js';
import { live } from './support.js';

export const entry = (session: string, more: Partial<SessionEntry> = {}): SessionEntry => ({
  session,
  owner: 'ada',
  expected: 2,
  accepted: 0,
  state: 'SUBMITTING',
  submittedAt: 1_795_302_621_626,
  priority: 0,
  error: null,
  idempotency: null,
  ...more,
});
export const keyed = (session: string, more: Partial<SessionEntry> = {}): SessionEntry =>
  entry(session, { idempotency: { key: 'k', inputHash: 'h' }, ...more });

/** Registers what nobody has registered before. */
export async function begin(registry: SessionRegistry, first: SessionEntry): Promise<Hold> {
  const begun = await registry.begin(first);
  if ('hold' in begun) return begun.hold;
  throw new Error(`Session ${begun.earlier.session} came first.`);
}

export function registryContract(open: () => Promise<SessionRegistry>): void {
  let registry: SessionRegistry;
  beforeEach(async () => {
    registry = await open();
  });
  afterEach(() => registry.stop());

  it('gives the last entry of a session, and sessions newest first', async () => {
    const hold = await begin(registry, entry('a', { submittedAt: 1 }));
    await begin(registry, entry('b', { submittedAt: 2 }));
    await hold.put(entry('a', { submittedAt: 1, state: 'SUBMITTED', accepted: 2 }), live());
    expect(registry.get('a')).toMatchObject({ state: 'SUBMITTED', accepted: 2 });
    expect(registry.get('c')).toBeUndefined();
    expect(registry.entries().map(({ session }) => session)).toEqual(['b', 'a']);
  });

  it('gives everything of an entry back', async () => {
    const full = keyed('a', {
      ...{ priority: 3, stored: true, error: { code: 'C', message: 'm\n"', path: ['x'] } },
      sending: { first: 0, tasks: 2, at: 7 },
    });
    const hold = await begin(registry, keyed('a'));
    await hold.put(full, live());
    expect(registry.get('a')).toMatchObject(full);
  });

  it('finds a submission by owner and key, unless it failed and left nothing', async () => {
    const hold = await begin(registry, keyed('a'));
    expect(registry.byKey('ada', 'k')?.session).toBe('a');
    expect(registry.byKey('bob', 'k')).toBeUndefined();
    await hold.put(keyed('a', { state: 'FAILED' }), live());
    expect(registry.byKey('ada', 'k')).toBeUndefined();
    await begin(registry, keyed('b'));
    expect(registry.byKey('ada', 'k')?.session).toBe('b');
  });

  it('begins one submission for an owner and a key, also of many at once', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `s${String(n)}`);
    const begun = await Promise.all(names.map((name) => registry.begin(keyed(name))));
    const [first] = begun.flatMap((one, n) => ('hold' in one ? [names[n]] : []));
    expect(begun.filter((one) => 'hold' in one)).toHaveLength(1);
    for (const one of begun)
      if ('earlier' in one) expect(one.earlier).toMatchObject({ session: first });
    expect(registry.entries()).toHaveLength(1);
    await expect(registry.begin(keyed('other', { owner: 'bob' }))).resolves.toHaveProperty('hold');
    await expect(registry.begin(entry('no key'))).resolves.toHaveProperty('hold');
    await expect(registry.begin(entry('none'))).resolves.toHaveProperty('hold');
  });

  it('lets a submission be taken up until it is over', async () => {
    const hold = await begin(registry, entry('a'));
    await hold.put(entry('a', { accepted: 1 }), live());
    await hold.release();
    expect(registry.underWay().map(({ session }) => session)).toEqual(['a']);
    const taken = await registry.take('a');
    expect(taken?.entry).toMatchObject({ session: 'a', accepted: 1 });
    await taken?.hold.put(entry('a', { state: 'SUBMITTED', accepted: 2 }), live());
    expect(registry.underWay()).toEqual([]);
    expect(await registry.take('a')).toBeUndefined();
    expect(await registry.take('unknown')).toBeUndefined();
  });

  it('waits for no submission that is over or its own', async () => {
    await begin(registry, entry('a'));
    await registry.settled('a', live());
    await registry.settled('unknown', live());
    await registry.look(['a', 'unknown']);
    await registry.halt('unknown');
  });
}
