/** The ways in which a pool does not answer, each told apart; none takes the other grids with it. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type JobFilter,
  JobByNativeIdDocument,
  JobPageDocument,
  MachineListDocument,
  SeedGroupsDocument,
  SubmitTasksDocument,
  WorkByGridAndStateDocument,
} from '../generated/graphql.js';
import type { AnyGrid } from '../../src/grids/grid.js';
import { describeReal } from '../real/index.js';
import { embeddedGrid, type Graph, openGraph, poolGrid } from './open-graph.js';

describeReal('pool', 'troubles of a pool', (pool) => {
  const opened: Graph[] = [];
  const open = async (...grids: readonly AnyGrid[]): Promise<Graph> => {
    const graph = await openGraph(grids);
    opened.push(graph);
    return graph;
  };
  let graph: Graph;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-graph-slow-'));
    graph = await open(poolGrid(pool));
  });
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.stop()));
    await rm(folder, { recursive: true });
  });

  const jobs = (filter: JobFilter, of = graph) => of.answer(JobPageDocument, { filter });

  describe('nothing is wrong', () => {
    it('nothing matched: an empty list of a source that is OK', async () => {
      const { data, errors } = await jobs({ owner: { eq: 'nobody-of-that-name' } });
      expect(errors).toEqual([]);
      expect(data?.jobs).toMatchObject({
        totalCount: 0,
        nodes: [],
        pageInfo: { hasNextPage: false, startCursor: null },
        sources: [{ status: 'OK', returned: 0, truncated: false, error: null }],
      });
    });
  });

  describe('no such schedd', () => {
    it('is UNKNOWN_SCHEDD with the names there are', async () => {
      const schedd = 'elsewhere.example.test';
      const listed = await jobs({ schedd: { eq: schedd } });
      const looked = await graph.answer(JobByNativeIdDocument, { jobId: '1.0', schedd });
      for (const { codes, errors } of [listed, looked]) {
        expect(codes).toEqual(['UNKNOWN_SCHEDD']);
        expect(errors[0]?.message).toContain(pool.scheddName);
        expect(errors[0]?.message).toContain(schedd);
      }
    });
  });

  describe('a name that is none', () => {
    it('is BAD_ATTRIBUTE with what a name looks like', async () => {
      const { codes, errors } = await jobs({
        attributes: [{ name: 'not a name', number: { gt: 1 } }],
      });
      expect(codes).toEqual(['BAD_ATTRIBUTE']);
      expect(errors[0]?.message).toContain('"not a name"');
    });
  });

  describe('a collector that is down', () => {
    const nowhere = () => poolGrid(pool, { pool: '127.0.0.1:1' });

    it('is a source that is UNAVAILABLE, and an error for who asked that pool alone', async () => {
      const down = await open(nowhere());
      const { data, errors } = await jobs({}, down);
      expect(errors).toEqual([]);
      expect(data?.jobs).toMatchObject({
        totalCount: 0,
        nodes: [],
        sources: [{ status: 'UNAVAILABLE', error: { code: 'UNAVAILABLE' } }],
      });
      const alone = await jobs({ grid: { eq: 'pool' } }, down);
      expect(alone.codes).toEqual(['UNAVAILABLE']);
      expect(alone.errors[0]?.extensions).toMatchObject({ retryable: true });
      expect(alone.data?.jobs).toBeNull();
      const machines = await down.answer(MachineListDocument, {});
      expect(machines.data?.machines?.sources).toEqual([{ status: 'UNAVAILABLE' }]);
      const by = [{ field: 'OWNER' as const }];
      const groups = await down.answer(SeedGroupsDocument, { by });
      expect(groups.data?.jobs?.groups.nodes).toEqual([]);
    });

    it('leaves the work of the other grid as it is', async () => {
      const partial = await open(nowhere(), await embeddedGrid());
      const input = { payloads: [1, 2] };
      const { submitTasks } = await partial.ask(SubmitTasksDocument, { input });
      const { data, errors } = await partial.answer(WorkByGridAndStateDocument, {});
      expect(errors).toEqual([]);
      expect(data?.work?.nodes.map(({ nativeId }) => nativeId)).toEqual(submitTasks.taskIds);
      expect(data?.work?.totalCount).toBe(2);
      const reports = data?.work?.sources.map(({ grid, status }) => [grid.name, status]);
      expect(reports?.toSorted()).toEqual([
        ['local', 'OK'],
        ['pool', 'UNAVAILABLE'],
      ]);
      const only = { filter: { grid: { eq: 'pool' } } };
      const alone = await partial.answer(WorkByGridAndStateDocument, only);
      expect(alone.codes).toEqual(['UNAVAILABLE']);
      const both = { filter: { grid: { in: ['pool', 'local'] } } };
      expect((await partial.answer(WorkByGridAndStateDocument, both)).errors).toEqual([]);
    });

    it('is said by the health of the grid, which never fails', async () => {
      const down = await open(nowhere());
      const { data, errors } = await down.answer<
        { grids: { name: string; health: { status: string; components: { status: string }[] } }[] },
        object
      >('{ grids { name health { status components { name status detail } } } }', {});
      expect(errors).toEqual([]);
      expect(data?.grids).toMatchObject([{ name: 'pool', health: { status: 'DOWN' } }]);
    });
  });

  describe('a command that takes too long', () => {
    /** Queries of jobs hang; what the pool is, is still told. */
    async function slow(): Promise<AnyGrid> {
      const path = join(folder, 'slow');
      await writeFile(
        path,
        '#!/bin/sh\ncase "$*" in *condor_q*) exec sleep 600;; esac\nexec "$@"\n',
      );
      await chmod(path, 0o755);
      const argv = [path, ...pool.prefix];
      return poolGrid(pool, { prefix: { kind: 'exec', argv }, deadlineMs: 3000, coolDownMs: 1 });
    }

    it('is TIMED_OUT: a source report in a list, an error for who asked that pool alone', async () => {
      const hanging = await open(await slow(), await embeddedGrid());
      const [list, alone, work] = await Promise.all([
        jobs({}, hanging),
        jobs({ grid: { eq: 'pool' } }, hanging),
        hanging.answer(WorkByGridAndStateDocument, {}),
      ]);
      expect(list.data?.jobs?.sources).toMatchObject([
        { status: 'TIMED_OUT', error: { code: 'TIMED_OUT' } },
      ]);
      expect(alone.codes).toEqual(['TIMED_OUT']);
      const reports = work.data?.work?.sources.map(({ grid, status }) => [grid.name, status]);
      expect(reports?.toSorted()).toEqual([
        ['local', 'OK'],
        ['pool', 'TIMED_OUT'],
      ]);
    });
  });

  describe('commands that are not there', () => {
    it('are UNAVAILABLE, without the paths of this host', async () => {
      const argv = [join(folder, 'no-such-program')];
      const missing = await open(poolGrid(pool, { prefix: { kind: 'exec', argv } }));
      const { codes, errors } = await jobs({ grid: { eq: 'pool' } }, missing);
      expect(codes).toEqual(['UNAVAILABLE']);
      expect(errors[0]?.message).toMatch(/could not be started/);
      expect(errors[0]?.message).not.toContain(folder);
    });
  });
});
