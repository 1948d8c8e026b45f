/** Everything htcondor-restd answers, asked of the real pool by its own commands and by the documented operations. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adTypeOptions } from '../../src/grids/condor/ad-types.js';
import { configDaemons, adTypes } from '../../src/grids/jobs.js';
import { otherSchedd } from '../real/pool.js';
import { describeReal } from '../real/index.js';
import { adsOf, byKey, jobKey, sameAds, statusKey } from './command-ads.js';
import { type Graph, openGraph, poolGrid } from './open-graph.js';
import {
  type Answers,
  answerOf,
  ask,
  faults,
  operations,
  type SettingJson,
} from './restd-document.js';

const seeded = { attributes: [{ name: 'HtcGraphSeed', string: { defined: true } }] };
const seedOf = (name: string) => ({
  attributes: [{ name: 'HtcGraphSeed', string: { eq: name } }],
});
const isSeeded = ['-constraint', 'HtcGraphSeed isnt undefined'];

describeReal('pool', 'what htcondor-restd answers', (pool) => {
  let graph: Graph;
  const used = new Set<string>();
  const get = <Name extends keyof Answers>(name: Name, variables: object) => {
    used.add(name);
    return ask(graph, name, variables);
  };
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool)]);
  });
  afterAll(() => graph.stop());

  const queue = ['condor_q', '-allusers', '-json'];
  const history = ['condor_history', '-json'];

  it('the documented operations fit the schema', () => {
    expect(faults(graph.schema)).toEqual([]);
  });

  describe('jobs', () => {
    it.each([
      ['QUEUE', queue],
      ['HISTORY', history],
    ] as const)('of the %s: every attribute of each, page by page', async (source, command) => {
      const { grid } = await get('Schedds', { grid: 'pool' });
      expect(grid?.schedds[0]).toBe(pool.scheddName);
      const filter = { and: [seeded, { schedd: { eq: grid?.schedds[0] } }] };
      const pages = async () => {
        const ads = [];
        let after: string | null = null;
        do {
          const { jobs }: Answers['Jobs'] = await get('Jobs', { source, filter, first: 7, after });
          ads.push(...(jobs?.nodes.map(({ classAd }) => classAd) ?? []));
          after = jobs?.pageInfo.hasNextPage === true ? jobs.pageInfo.endCursor : null;
        } while (after !== null);
        return byKey(ads, jobKey);
      };
      const compared = await sameAds(
        async () => byKey(await adsOf(pool, [...command, ...isSeeded]), jobKey),
        pages,
      );
      expect(compared).toBeGreaterThan(200);
    });

    it('of one cluster, with a projection', async () => {
      const projection = ['Owner', 'JobStatus', 'RequestMemory', 'Requirements', 'NoSuchAttribute'];
      const ads = await adsOf(pool, [
        ...[...queue, '-constraint', 'HtcGraphSeed == "batch"'],
        ...['-attributes', ['ClusterId', ...projection].join(',')],
      ]);
      const [cluster] = ads.map(({ ClusterId }) => ClusterId);
      const filter = { schedd: { eq: pool.scheddName }, cluster: { eq: cluster } };
      const { jobs } = await get('Jobs', { filter, projection });
      expect(jobs?.nodes.map(({ classAd }) => classAd)).toEqual(
        ads
          .filter(({ ClusterId }) => ClusterId === cluster)
          .map(({ ClusterId: _, ...ad }) => ({ ...ad, NoSuchAttribute: null })),
      );
    });

    it.each([
      ['QUEUE', queue, 'HtcGraphSeed isnt undefined && JobPrio > 0'],
      ['QUEUE', queue, 'regexp("^batch", HtcGraphSeed) && ProcId % 2 == 1'],
      ['HISTORY', history, 'HtcGraphSeed isnt undefined && ExitCode =?= 3'],
    ] as const)('of the %s, with a constraint', async (source, command, constraint) => {
      const there = await adsOf(pool, [...command, '-constraint', constraint]);
      const filter = { schedd: { eq: pool.scheddName }, constraint };
      const { jobs } = await get('Jobs', { source, filter, projection: ['Owner'] });
      expect(there.length).toBeGreaterThan(0);
      expect(jobs?.nodes.map(({ nativeId }) => nativeId).sort()).toEqual(there.map(jobKey).sort());
    });

    it('a constraint of `true || true` does not leave the cluster', async () => {
      const [ad] = await adsOf(pool, [...queue, '-constraint', 'HtcGraphSeed == "idle"']);
      const cluster = ad?.['ClusterId'];
      const filter = { cluster: { eq: cluster }, constraint: 'true || true' };
      const { jobs } = await get('Jobs', { filter, projection: ['ClusterId'] });
      expect(jobs?.nodes.map(({ classAd }) => classAd)).toEqual([{ ClusterId: cluster }]);
    });

    it.each([
      ['awkward', 'QUEUE', queue],
      ['bad-utf8', 'QUEUE', queue],
      ['left-completed', 'QUEUE', queue],
      ['exit-3', 'HISTORY', history],
      ['removed', 'HISTORY', history],
    ] as const)('one job (%s), found in the %s', async (seed, origin, command) => {
      const asked = [...command, '-constraint', `HtcGraphSeed == "${seed}"`];
      const [ad] = await adsOf(pool, asked);
      const jobId = jobKey(ad ?? {});
      const one = [...command, '-constraint', `ClusterId == ${String(ad?.['ClusterId'])}`];
      const compared = await sameAds(
        async () => byKey(await adsOf(pool, one), jobKey),
        async () => {
          const { job } = await get('OneJob', { schedd: pool.scheddName, jobId });
          expect(job?.origin).toBe(origin);
          return byKey(job ? [job.classAd] : [], jobKey);
        },
      );
      expect(compared).toBeGreaterThan(50);
    });

    it('one attribute: undefined is told from missing, a missing attribute from a missing job', async () => {
      const [ad] = await adsOf(pool, [...queue, '-constraint', 'HtcGraphSeed == "awkward"']);
      const jobId = jobKey(ad ?? {});
      const attribute = async (name: string) =>
        (await get('OneAttribute', { jobId, name })).job?.attribute;
      const plain = { defined: true, redacted: false, expression: null };
      for (const name of ['Owner', 'owner', 'MyInt', 'MyBigInt', 'MyReal', 'MyBool', 'MyList']) {
        const spelled = Object.keys(ad ?? {}).find(
          (known) => known.toLowerCase() === name.toLowerCase(),
        );
        expect(await attribute(name)).toEqual({ ...plain, value: ad?.[spelled ?? ''] });
      }
      const nothing = { defined: false, redacted: false, value: null };
      expect(ad).toHaveProperty('MyUndefined', null);
      expect(await attribute('MyUndefined')).toEqual({ ...nothing, expression: 'undefined' });
      expect(ad).not.toHaveProperty('MyMissing');
      expect(await attribute('MyMissing')).toEqual({ ...nothing, expression: null });
      expect(await attribute('MyExpr')).toEqual({ ...plain, expression: 'MyInt + 1', value: null });
      const missing = await get('OneAttribute', { jobId: '99999999.0', name: 'Owner' });
      expect(missing.job).toBeNull();
    });

    it.each([
      ['QUEUE', queue, ['Owner']],
      ['QUEUE', queue, ['JobStatus', 'Owner']],
      ['QUEUE', queue, ['MyInt']],
      ['HISTORY', history, ['JobStatus']],
    ] as const)('of the %s, grouped', async (source, command, names) => {
      const projection = ['HtcGraphSeed', 'JobPrio'];
      const { jobs } = await get('GroupedJobs', {
        by: names.map((attribute) => ({ attribute })),
        ...{ source, projection },
        filter: { and: [seeded, { schedd: { eq: pool.scheddName } }] },
      });
      const groups = new Map<string, string[]>();
      for (const ad of await adsOf(pool, [...command, ...isSeeded])) {
        const key = JSON.stringify(names.map((name) => ad[name] ?? null));
        const shown = JSON.stringify([
          jobKey(ad),
          { HtcGraphSeed: ad['HtcGraphSeed'], JobPrio: ad['JobPrio'] },
        ]);
        groups.set(key, [...(groups.get(key) ?? []), shown].sort());
      }
      const answered = jobs?.groups.nodes.map(({ key, count, nodes }) => {
        expect(count).toBe(nodes.length);
        for (const { defined, value } of key) expect(defined).toBe(value !== null);
        return [
          JSON.stringify(key.map(({ value }) => value)),
          nodes.map(({ nativeId, classAd }) => JSON.stringify([nativeId, classAd])).sort(),
        ] as const;
      });
      expect(new Map(answered)).toEqual(groups);
    });
  });

  describe('status', () => {
    it.each(adTypes)('of %s ads', async (type) => {
      const compared = await sameAds(
        async () =>
          byKey(await adsOf(pool, ['condor_status', ...adTypeOptions[type], '-json']), statusKey),
        async () => {
          const { ads } = await get('Status', { type });
          return byKey(
            ads.nodes.map(({ classAd }) => classAd),
            statusKey,
          );
        },
      );
      if (['ANY', 'SCHEDD', 'SLOT', 'MASTER', 'COLLECTOR', 'NEGOTIATOR'].includes(type))
        expect(compared).toBeGreaterThan(20);
    });

    it('by name, with a projection; nothing of a name that nobody has', async () => {
      const projection = ['Cpus', 'Memory', 'State', 'SlotType'];
      const name = `slot1@${pool.scheddName}`;
      const command = ['condor_status', '-slot', '-json', '-constraint', `Name == "${name}"`];
      const [slot] = await adsOf(pool, command);
      const { ads } = await get('Status', {
        type: 'SLOT',
        filter: { name: { eq: name } },
        projection,
      });
      expect(ads.nodes.map((ad) => ad.name)).toEqual([name]);
      expect(ads.nodes[0]?.classAd).toMatchObject({ SlotType: slot?.['SlotType'] });
      expect(Object.keys(ads.nodes[0]?.classAd ?? {})).toEqual(projection);
      const none = await get('Status', { type: 'SLOT', filter: { name: { eq: 'nosuch' } } });
      expect(none.ads.nodes).toEqual([]);
    });

    it('grouped', async () => {
      const by = [{ attribute: 'MyType' }];
      const { ads } = await get('GroupedStatus', { type: 'ANY', by, projection: ['MyType'] });
      const types = (await adsOf(pool, ['condor_status', '-any', '-json'])).map(
        (ad) => ad['MyType'],
      );
      const keys = ads?.groups.nodes.map(({ key }) => key[0]?.value);
      for (const type of ['Scheduler', 'DaemonMaster', 'Collector']) {
        expect(types).toContain(type);
        expect(keys).toContain(type);
      }
      for (const { key, nodes } of ads?.groups.nodes ?? [])
        for (const { classAd } of nodes) expect(classAd).toEqual({ MyType: key[0]?.value });
    });

    it('by a constraint, grouped', async () => {
      const asked = 'regexp("^(Scheduler|Collector)$", MyType)';
      const { ads } = await get('GroupedStatus', {
        ...{ type: 'ANY', by: [{ attribute: 'MyType' }], projection: ['Name'] },
        filter: { constraint: asked },
      });
      const names = await adsOf(pool, ['condor_status', '-any', '-constraint', asked, '-json']);
      expect(ads?.groups.nodes.map(({ key }) => key[0]?.value).sort()).toEqual(
        [...new Set(names.map((ad) => ad['MyType']))].sort(),
      );
      expect(
        ads?.groups.nodes
          .flatMap(({ nodes }) => nodes.map(({ classAd }) => classAd['Name']))
          .sort(),
      ).toEqual(names.map((ad) => ad['Name']).sort());
    });
  });

  describe('config', () => {
    async function settings(variables: object): Promise<ReadonlyMap<string, SettingJson>> {
      const found: SettingJson[] = [];
      let after: string | null = null;
      do {
        const { config }: Answers['Settings'] = await get('Settings', { ...variables, after });
        found.push(...config.nodes);
        after = config.pageInfo.hasNextPage ? config.pageInfo.endCursor : null;
      } while (after !== null);
      return new Map(found.map((setting) => [setting.name, setting]));
    }

    /** `NAME = value` lines; what is written over several lines, what is random and what is of the command itself are left out. */
    async function dumped(...options: readonly string[]): Promise<ReadonlyMap<string, string>> {
      const { stdout } = await pool.run(['condor_config_val', ...options, '-dump', '-expanded']);
      const lines = stdout.matchAll(/^([\w.]+) = (.*?) *$/gm);
      const random = /^(PERIODIC_CHECKPOINT|P?PID)$/;
      return new Map(
        [...lines]
          .map(([, name = '', value = '']) => [name, value] as const)
          .filter(([name]) => !random.test(name)),
      );
    }

    it('of the local files', async () => {
      const found = await settings({});
      const there = await dumped();
      expect(there.size).toBeGreaterThan(500);
      for (const [name, value] of there) {
        // Shown without the prefix that makes it hold for tools alone.
        const setting = found.get(name) ?? found.get(`TOOL.${name}`);
        if (setting?.redacted !== true)
          expect([name, setting?.value.trimEnd()]).toEqual([name, value]);
        else expect(setting.value).toBe('');
      }
    });

    it.each(configDaemons)('of the %s as it runs', async (daemon) => {
      const option = `-${daemon.toLowerCase()}`;
      const found = await settings({ daemon });
      expect(found.size).toBeGreaterThan(500);
      for (const name of ['LOG', 'SHARED_PORT_PORT', 'SCHEDD_INTERVAL']) {
        const { stdout } = await pool.run(['condor_config_val', option, name]);
        expect(found.get(name)?.value).toBe(stdout.trim());
      }
    });

    it('one setting, with the file and line where it stands, or that it is a default', async () => {
      const one = async (name: string) => (await get('OneSetting', { name })).configEntry;
      const { stdout } = await pool.run(['condor_config_val', 'NEGOTIATOR_INTERVAL']);
      const set = await one('NEGOTIATOR_INTERVAL');
      expect(set).toMatchObject({ value: stdout.trim(), isDefault: false, redacted: false });
      const lines = readFileSync(join(pool.dir, set?.file ?? ''), 'utf8').split('\n');
      expect(lines[(set?.line ?? 0) - 1]).toBe(`NEGOTIATOR_INTERVAL = ${stdout.trim()}`);
      const usual = await pool.run(['condor_config_val', 'MAX_JOBS_SUBMITTED']);
      expect(await one('MAX_JOBS_SUBMITTED')).toEqual({
        name: 'MAX_JOBS_SUBMITTED',
        value: usual.stdout.trim(),
        ...{ file: null, line: null, isDefault: true, redacted: false },
      });
      expect(await one('NO_SUCH_SETTING')).toBeNull();
    });
  });

  describe('what is asked wrongly', () => {
    it('has a code of its own for each', async () => {
      const code = async <Name extends keyof Answers>(name: Name, variables: object) =>
        (await answerOf(graph, name, variables)).codes;
      const schedd = 'nosuch@pool.example.test';
      expect(await code('Jobs', { filter: { schedd: { eq: schedd } } })).toEqual([
        'UNKNOWN_SCHEDD',
      ]);
      const some = { schedd: { in: [pool.scheddName, schedd] } };
      expect(await code('Jobs', { filter: some })).toEqual(['UNKNOWN_SCHEDD']);
      expect(await code('OneJob', { schedd, jobId: '1.0' })).toEqual(['UNKNOWN_SCHEDD']);
      expect(await code('OneJob', { jobId: '1' })).toEqual(['BAD_USER_INPUT']);
      const name = 'not a name';
      const { jobs } = await get('Jobs', { filter: seedOf('exit-3'), source: 'HISTORY' });
      const jobId = jobs?.nodes[0]?.nativeId;
      expect(await code('OneAttribute', { jobId, name })).toEqual(['BAD_ATTRIBUTE']);
      expect(await code('Jobs', { projection: [name] })).toEqual(['BAD_ATTRIBUTE']);
      expect(await code('GroupedJobs', { by: [{ attribute: name }] })).toEqual(['BAD_ATTRIBUTE']);
      expect(await code('Status', { type: 'SLOT', projection: [name] })).toEqual(['BAD_ATTRIBUTE']);
      expect(await code('Jobs', { filter: { grid: { eq: 'nosuch' } } })).toEqual(['UNKNOWN_GRID']);
      expect(await code('Jobs', { filter: { constraint: '((' } })).toEqual(['BAD_FILTER']);
      expect(await code('OneSetting', { daemon: 'SCHEDD', name: 'NO_SUCH_SETTING' })).toEqual([]);
    });
  });

  it('every documented operation was run', () => {
    expect([...used].sort()).toEqual([...operations.keys()].sort());
  });
});

describeReal('second pool', 'several schedds, and several pools', (pool) => {
  let graph: Graph;
  let job = '';
  beforeAll(async () => {
    const description =
      'executable=/bin/true\ntransfer_executable=false\nhold=true\n+OfSecondSchedd=true\nqueue\n';
    const submit = ['condor_submit', '-terse', '-name', otherSchedd, '-'];
    const { stdout, stderr } = await pool.asUser('alice', submit, description);
    job = /^\d+\.\d+/.exec(stdout)?.[0] ?? '';
    if (job === '') throw new Error(`condor_submit failed: ${stderr}`);
    graph = await openGraph(
      ['pool', 'twin'].map((name) => poolGrid(pool, { name, schedds: undefined })),
    );
  });
  afterAll(async () => {
    await graph.stop();
    await pool.run(['condor_rm', '-name', otherSchedd, job]);
  });

  it('are one answer, each job with its schedd and pool, and a report from each', async () => {
    const { grid } = await ask(graph, 'Schedds', { grid: 'pool' });
    expect(grid?.schedds).toEqual([pool.scheddName, otherSchedd]);
    const filter = {
      or: [seedOf('idle'), { attributes: [{ name: 'OfSecondSchedd', boolean: true }] }],
    };
    const { jobs } = await ask(graph, 'Jobs', { filter, projection: ['Owner'] });
    const found = jobs?.nodes.map(({ grid: { name }, schedd, nativeId }) => [
      name,
      schedd,
      nativeId,
    ]);
    expect(found).toEqual(
      expect.arrayContaining(['pool', 'twin'].map((name) => [name, otherSchedd, job])),
    );
    expect(new Set(found?.map(([name, schedd]) => `${name} ${schedd}`)).size).toBe(4);
    expect(
      jobs?.sources.map(({ grid: { name }, part, status }) => [name, part, status]).sort(),
    ).toEqual(
      ['pool', 'twin'].flatMap((name) =>
        [pool.scheddName, otherSchedd].map((part) => [name, part, 'OK']),
      ),
    );
  });

  it('the other schedd alone: its queue, one job of it, its history', async () => {
    const filter = { grid: { eq: 'pool' }, schedd: { eq: otherSchedd } };
    const { jobs } = await ask(graph, 'Jobs', { filter, projection: ['Owner'] });
    expect(jobs?.nodes.map(({ nativeId }) => nativeId)).toContain(job);
    expect(jobs?.sources).toMatchObject([{ part: otherSchedd, status: 'OK' }]);
    const key = { grid: 'pool', jobId: job, name: 'GlobalJobId' };
    const there = await ask(graph, 'OneAttribute', { ...key, schedd: otherSchedd });
    expect(there.job?.attribute.value).toMatch(new RegExp(`^${otherSchedd}#${job}#`));
    const ofOwn = await ask(graph, 'OneAttribute', key);
    expect(ofOwn.job?.attribute.value ?? '').not.toMatch(/^second@/);
    const ended = await ask(graph, 'Jobs', { filter, source: 'HISTORY', projection: ['Owner'] });
    expect(ended.jobs?.sources).toMatchObject([{ status: 'OK' }]);
  });
});
