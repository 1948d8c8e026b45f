/** What the collector and the configuration of a real pool say: slots, machines, ads, settings. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AdListDocument,
  type AdType,
  ConfigListDocument,
  type ConfigListQueryVariables,
  MachineListDocument,
  NodesDocument,
  OneConfigEntryDocument,
  SlotListDocument,
} from '../generated/graphql.js';
import { describeReal } from '../real/index.js';
import { foundAgain } from '../condor/found-again.js';
import { describePools } from '../condor/pools.js';
import { type Graph, openGraph, poolGrid } from './open-graph.js';

const nodesOf = async (graph: Graph, ids: readonly string[]) => {
  const { nodes } = await graph.ask(NodesDocument, { ids: [...ids] });
  return nodes.map((node) => node?.id);
};

describePools('what the collector says', (pool) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await openGraph([await pool.open()]);
  });
  afterAll(() => graph.stop());
  const roundTrip = (list: () => Promise<readonly string[]>) =>
    foundAgain(list, (ids) => nodesOf(graph, ids));
  const adsOf = async (type: AdType) => {
    const { ads } = await graph.ask(AdListDocument, { type });
    return (ads?.nodes ?? []).map(({ id }) => id);
  };

  describe('slots and machines', () => {
    it('a machine has its slots, and sums up what they have', async () => {
      const { machines } = await graph.ask(MachineListDocument, {});
      expect(machines).toMatchObject({ totalCount: 1, sources: [{ status: 'OK' }] });
      const machine = machines?.nodes[0];
      expect(machine).toMatchObject({
        name: pool.machineName,
        arch: expect.stringMatching(/^(X86_64|aarch64)$/) as string,
        os: expect.stringMatching(pool.kind === 'real' ? /^Debian/ : /^LINUX/) as string,
        cpus: 4,
      });
      expect(machine?.memoryMb).toBeGreaterThan(100);
      expect(machine?.busyCpus).toBeGreaterThanOrEqual(0);
      expect(machine?.busyCpus).toBeLessThanOrEqual(4);
      expect(machine?.slots[0]).toMatchObject({ name: `slot1@${pool.machineName}` });
      expect(Date.parse(machine?.lastHeardFrom ?? '')).toBeLessThanOrEqual(Date.now() + 1000);
      await roundTrip(async () => {
        const { machines: now } = await graph.ask(MachineListDocument, {});
        return (now?.nodes ?? []).flatMap(({ id, slots }) => [id, ...slots.map((slot) => slot.id)]);
      });
    });

    it('slots are listed, filtered, ordered, grouped and joined with their machine', async () => {
      const { slots } = await graph.ask(SlotListDocument, {});
      const names = slots?.nodes.map(({ name }) => name) ?? [];
      expect(names).toContain(`slot1@${pool.machineName}`);
      expect(new Set(slots?.nodes.map(({ machine }) => machine?.name))).toEqual(
        new Set([pool.machineName]),
      );
      const filter = { attributes: [{ name: 'SlotType', string: { eq: 'Partitionable' } }] };
      const parents = await graph.ask(SlotListDocument, { filter });
      expect(parents.slots).toMatchObject({
        totalCount: 1,
        nodes: [{ slotType: 'Partitionable', attribute: { value: 4 } }],
        groups: { nodes: [{ key: [{ value: 'Partitionable' }], count: 1 }] },
        aggregates: { attribute: { count: 1 } },
      });
      // The embedded pool evaluates all of it here.
      const pushed = parents.slots?.sources[0]?.pushedDown ?? '';
      expect(pushed.includes('SlotType =?= "Partitionable"')).toBe(pool.kind === 'real');
      const byName = await graph.ask(SlotListDocument, {
        filter: { name: { startsWith: 'slot1@' } },
      });
      expect(byName.slots?.totalCount).toBe(1);
      const none = await graph.ask(MachineListDocument, { filter: { name: { eq: 'elsewhere' } } });
      expect(none.machines?.totalCount).toBe(0);
      const ordered = await graph.ask(SlotListDocument, {
        orderBy: [{ attribute: 'Name', direction: 'DESC' }],
      });
      const now = ordered.slots?.nodes.map(({ name }) => name) ?? [];
      expect(now).toContain(`slot1@${pool.machineName}`);
      expect(now).toEqual(now.toSorted().toReversed());
    });
  });

  describe('ads', () => {
    it.each([
      ['COLLECTOR', 'Collector'],
      ['MASTER', 'DaemonMaster'],
      ['NEGOTIATOR', 'Negotiator'],
      ['SCHEDD', 'Scheduler'],
      ['SLOT', /^(Slot|Machine)$/],
      ['SUBMITTER', 'Submitter'],
      ...(pool.kind === 'real' ? ([['ACCOUNTING', 'Accounting']] as const) : []),
    ] as const)('of type %s are there, each with its own id', async (type, myType) => {
      const { ads } = await graph.ask(AdListDocument, { type });
      expect(ads?.totalCount).toBeGreaterThan(0);
      for (const ad of ads?.nodes ?? []) expect(ad.type).toMatch(myType);
      await roundTrip(() => adsOf(type));
    });

    it.each(['STARTD', 'GRID_RESOURCE', 'DEFRAG', 'GENERIC', 'LICENSE', 'HAD', 'CREDD'] as const)(
      'of type %s are a list, be it empty',
      async (type) => {
        const { ads } = await graph.ask(AdListDocument, { type });
        expect(ads?.sources).toMatchObject([{ status: 'OK', error: null }]);
        await roundTrip(() => adsOf(type));
      },
    );

    it('ANY has them all, and each is found again', async () => {
      const { ads } = await graph.ask(AdListDocument, { type: 'ANY' });
      const types = new Set(ads?.nodes.map(({ type }) => type));
      for (const type of ['Collector', 'Scheduler', 'Negotiator', 'DaemonMaster']) {
        expect(types).toContain(type);
      }
      await roundTrip(() => adsOf('ANY'));
      const filter = { attributes: [{ name: 'MyType', string: { eq: 'Scheduler' } }] };
      const schedds = await graph.ask(AdListDocument, { type: 'ANY', filter });
      expect(schedds.ads?.nodes.map(({ name }) => name)).toContain(pool.scheddName);
      expect(schedds.ads?.nodes.every(({ type }) => type === 'Scheduler')).toBe(true);
    });
  });
});

describeReal('pool', 'the configuration of a real pool', (pool) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool)]);
  });
  afterAll(() => graph.stop());

  describe('configuration', () => {
    const config = async (variables: ConfigListQueryVariables) => {
      const { config: list } = await graph.ask(ConfigListDocument, { first: 1000, ...variables });
      if (!list) throw new Error('No list came.');
      return list;
    };

    it('of the files: every setting with its value, its text and where it stands', async () => {
      const { nodes, totalCount } = await config({ changedOnly: true });
      expect(totalCount).toBeGreaterThan(10);
      expect(nodes.find(({ name }) => name === 'EVENT_LOG')).toMatchObject({
        daemon: null,
        raw: '$(LOG)/EventLog',
        value: '/var/log/condor/EventLog',
        isDefault: false,
        file: '/etc/condor/config.d/90-htc-graph',
        redacted: false,
      });
      expect(nodes.every(({ isDefault }) => isDefault !== true)).toBe(true);
      expect((await config({ first: 1 })).totalCount).toBeGreaterThan(totalCount);
    });

    it.each(['COLLECTOR', 'MASTER', 'NEGOTIATOR', 'SCHEDD', 'STARTD'] as const)(
      'of the running %s',
      async (daemon) => {
        const { nodes } = await config({ daemon, names: ['log', 'SHARED_PORT_PORT'] });
        expect(nodes.map(({ name, value }) => [name, value])).toEqual([
          ['LOG', '/var/log/condor'],
          ['SHARED_PORT_PORT', String(pool.collectorPort)],
        ]);
        expect(nodes.every((entry) => entry.daemon === daemon)).toBe(true);
        const ids = nodes.map(({ id }) => id);
        expect(await nodesOf(graph, ids)).toEqual(ids);
      },
    );

    it('by text in the name, page by page', async () => {
      const { nodes, totalCount } = await config({ matching: 'event_log' });
      expect(nodes.length).toBe(totalCount);
      expect(nodes.every(({ name }) => name.toUpperCase().includes('EVENT_LOG'))).toBe(true);
      const first = await config({ matching: 'event_log', first: 2 });
      const rest = await config({ matching: 'event_log', after: first.pageInfo.endCursor });
      expect([...first.nodes, ...rest.nodes]).toEqual(nodes);
    });

    it('one entry by name; null where it is not defined', async () => {
      const found = await graph.ask(OneConfigEntryDocument, { name: 'negotiator_interval' });
      expect(found.configEntry).toMatchObject({ value: '5', isDefault: false, redacted: false });
      const none = await graph.ask(OneConfigEntryDocument, { name: 'NO_SUCH_SETTING' });
      expect(none.configEntry).toBeNull();
    });

    it('secrets are masked, in lists and one by one', async () => {
      for (const matching of ['PASSWORD', 'TOKEN', 'PRIVATE_KEY', 'SECRET']) {
        for (const { name, value, raw, redacted } of (await config({ matching })).nodes) {
          expect({ name, value, raw, redacted }).toEqual({
            name,
            value: '',
            raw: null,
            redacted: true,
          });
        }
      }
      const name = 'SEC_PASSWORD_DIRECTORY';
      const { configEntry } = await graph.ask(OneConfigEntryDocument, { name });
      expect(configEntry).toMatchObject({ name, value: '', raw: null, redacted: true });
    });
  });
});
