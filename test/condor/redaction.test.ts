/** What HTCondor keeps private, and secrets of the configuration, must not leave. */
import { describe, expect, test } from 'vitest';
import { Ad } from '../../src/classad/ad.js';
import { AdRecord, checkFilter, checkRefs } from '../../src/grids/condor/attributes.js';
import { alwaysHidden } from '../../src/grids/condor/hidden.js';
import { attributesFor } from '../../src/grids/condor/projection.js';
import { jobTable } from '../../src/grids/condor/fields.js';
import { describeReal } from '../real/index.js';
import { attribute, opened, scanned, selecting, signal, sourceOf } from './pool.js';

const names = [
  'ClaimId',
  'claimid',
  'ClaimIds',
  'ChildClaimIds',
  'ClaimIdList',
  'Capability',
  'PairedClaimId',
  'TransferKey',
  '_condor_privRemoteAccess',
  '_CONDOR_PRIV_Secret',
];

describe('private attributes', () => {
  test.each(names)('%s is redacted, and not among names and values', (name) => {
    const record = new AdRecord(
      new Ad({ [name]: 'secret', Owner: 'alice', Nested: { [name]: 'secret', A: 1 } }),
      alwaysHidden,
    );
    expect(record.attribute(name)).toEqual({
      name,
      defined: false,
      redacted: true,
      expression: null,
      value: null,
    });
    expect(record.value(name)).toBeUndefined();
    expect(record.names()).toEqual(['Nested', 'Owner']);
    expect(record.attribute('Nested').value).toEqual({ A: 1 });
    expect(record.value('Nested')).toEqual({ A: 1 });
  });

  test.each(names)('%s may not be filtered, ordered or grouped by', (name) => {
    const forbidden = expect.objectContaining({ code: 'FORBIDDEN' }) as Error;
    expect(() => checkRefs([attribute(name)])).toThrow(forbidden);
    const leaf = { op: 'startsWith', ref: attribute(name), value: 'a' } as const;
    expect(() =>
      checkFilter({ op: 'not', term: { op: 'or', terms: [leaf, leaf] } }, alwaysHidden),
    ).toThrow(forbidden);
  });

  test.each(names)('%s is never fetched', (name) => {
    const wanted = attributesFor(
      selecting([], [name, 'Owner']),
      jobTable,
      ['ClusterId'],
      alwaysHidden,
    );
    expect(wanted).toEqual(['ClusterId', 'Owner']);
  });
});

describeReal('pool', 'on the real pool', (pool) => {
  test('a private attribute is refused by every source before a command runs', async () => {
    const { port, commands } = opened(pool);
    const queue = await sourceOf(port);
    const history = await sourceOf(port, 'HISTORY');
    commands.length = 0;
    const filter = { op: 'defined', ref: attribute('ClaimId') } as const;
    const sources = [queue, history, port.slots(), port.machines(), port.ads('ANY')] as const;
    for (const source of sources) {
      await expect(scanned(source as typeof queue, { filter })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    }
    const by = [attribute('ClaimId')];
    expect(() =>
      queue.tally?.({ filter: { op: 'const', value: true }, by, notes: {}, signal }),
    ).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect(commands).toEqual([]);
  });

  test('secrets of the configuration are masked', async () => {
    const { port } = opened(pool);
    const query = { daemon: undefined, daemonName: undefined, changedOnly: false } as const;
    const found = await port.config({ ...query, names: undefined, matching: 'password' }, signal);
    expect(found.length).toBeGreaterThan(0);
    for (const entry of found) {
      expect(entry).toMatchObject({ value: '', raw: null, redacted: true });
    }
  });
});
