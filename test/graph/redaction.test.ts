/** What HTCondor keeps private is shown as redacted, and can't be found out by filters, orders or groups. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobAdDocument, SlotAdsDocument } from '../generated/graphql.js';
import { describeReal } from '../real/index.js';
import { commandCounter, type Graph, openGraph, poolGrid } from './open-graph.js';
import { named } from './seed.js';

describeReal('pool', 'private attributes', (pool) => {
  const { reports, note: onCommand } = commandCounter();
  let graph: Graph;
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool, { onCommand })]);
  });
  afterAll(() => graph.stop());

  const redacted = { defined: false, redacted: true, expression: null, value: null };

  it('of a running job are redacted, also in its whole ad', async () => {
    for (const name of ['ClaimId', 'claimid', '_condor_privX', 'TransferKey']) {
      const variables = { filter: named('running'), name, names: [name, 'Owner'] };
      const { jobs } = await graph.ask(JobAdDocument, variables);
      const job = jobs?.nodes[0];
      expect(job?.attribute).toEqual({ ...redacted, name });
      expect(job?.attributes[0]).toEqual({ ...redacted, name });
      expect(job?.some).toEqual({ Owner: 'alice' });
    }
    const variables = { filter: named('running'), name: 'ClaimId', names: [] };
    const { jobs } = await graph.ask(JobAdDocument, variables);
    expect(JSON.stringify(jobs)).not.toMatch(
      /"((?!(?:Last)?Public)\w*ClaimIds?|Capability|_condor_priv\w*)":/i,
    );
  });

  it('of slots and of every ad of the collector are redacted', async () => {
    const { slots, ads } = await graph.ask(SlotAdsDocument, { name: 'Capability' });
    const rows = [...(slots?.nodes ?? []), ...(ads?.nodes ?? [])];
    expect(rows.length).toBeGreaterThan(5);
    for (const { attribute, classAd } of rows) {
      expect(attribute).toEqual({ ...redacted, name: 'Capability' });
      expect(Object.keys(classAd as object).join()).not.toMatch(
        /(^|,)((?!(?:Last)?Public)\w*claimid\w*|_condor_priv)/i,
      );
    }
  });

  const lists = ['jobs', 'slots', 'machines', 'ads'] as const;
  const match = '{ name: "cLaImId", string: { startsWith: "<" } }';
  const refused = lists.flatMap((list) => [
    [list, 'a filter', `${list}(filter: { attributes: [${match}] }) { totalCount }`],
    [
      list,
      'a nested filter',
      `${list}(filter: { not: { or: [{ attributes: [${match}] }] } }) { totalCount }`,
    ],
    [list, 'a group', `${list} { groups(by: [{ attribute: "ClaimId" }]) { nodes { count } } }`],
    [list, 'an aggregate', `${list} { aggregates { attribute(name: "ClaimId") { count } } }`],
    ...(list === 'ads'
      ? []
      : [[list, 'an order', `${list}(orderBy: [{ attribute: "ClaimId" }]) { nodes { id } }`]]),
  ]);

  it.each(refused)('%s refuse %s', async (list, _words, selection) => {
    const before = reports.filter(({ kind }) => kind !== 'config').length;
    const { data, codes, errors } = await graph.answer<Record<string, unknown>, object>(
      `{ ${selection} }`,
      {},
    );
    expect(codes).toEqual(['FORBIDDEN']);
    expect(errors[0]?.message).toContain('private');
    expect(data).toEqual({ [list ?? '']: null });
    expect(reports.filter(({ kind }) => kind !== 'config').length).toBe(before);
  });
});
