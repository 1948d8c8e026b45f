/** The values of a job ad arrive as they are: no digit, byte or difference between kinds is lost. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { JobAdDocument } from '../generated/graphql.js';
import { describePools } from '../condor/pools.js';
import { awkwardCommands } from '../condor/seed.js';
import { describeReal } from '../real/index.js';
import { type Graph, openGraph, poolGrid } from './open-graph.js';
import type { JobPool } from '../../src/grids/jobs.js';
import { named } from './seed.js';

describePools('values of the awkward job', (pool) => {
  let graph: Graph;
  let port: JobPool;
  beforeAll(async () => {
    port = await pool.open();
    graph = await openGraph([port]);
  });
  afterAll(() => graph.stop());

  async function ad(seed: string, name: string, names: readonly string[] = []) {
    const variables = { filter: named(seed), name, names: [...names] };
    const { jobs } = await graph.ask(JobAdDocument, variables);
    const job = jobs?.nodes.at(-1);
    if (!job) throw new Error(`The seed has no job ${seed}.`);
    return job;
  }

  const plain = { defined: true, redacted: false, expression: null };

  it.each([
    ['text', 'MyString', 'plain'],
    ['quotes, and a backslash as HTCondor keeps it', 'MyQuoted', 'say "hi" \\\\ back/slash'],
    ['any alphabet', 'MyUnicode', 'żółć 日本語 🎉'],
    ['an empty text', 'MyEmpty', ''],
    ['text that looks like an expression', 'MyFakeExpr', '/Expr(x)/'],
    ['an integer', 'MyInt', 42],
    ['a 64-bit integer', 'MyBigInt', '9223372036854775807'],
    ['the first integer that a double can not hold', 'MyBig53', '9007199254740993'],
    ['a real', 'MyReal', 3.14],
    ['a boolean', 'MyBool', true],
    ['a list, with its undefined element', 'MyList', [1, 2.5, 'three', true, null, [4, 5]]],
    ['a nested ad', 'MyNested', { a: 1, b: 'two', c: { d: 3.5, e: [1, 2] } }],
  ])('%s', async (_words, name, value) => {
    const job = await ad('awkward', name, [name]);
    expect(job.attribute).toEqual({ ...plain, name, value });
    expect(job.attributes).toEqual([job.attribute]);
    expect(job.some).toEqual({ [name]: value });
  });

  it.each([
    ['a sum', 'MyExpr', 'MyInt + 1'],
    ['an error', 'MyError', 'error'],
    ['a time', 'MyTime', 'absTime("2024-01-02T03:04:05-00:00")'],
    ['what is not a number', 'MyNaN', 'real("NaN")'],
  ])('%s is an expression, and no value', async (_words, name, expression) => {
    const job = await ad('awkward', name, [name]);
    expect(job.attribute).toEqual({ ...plain, name, expression, value: null });
    expect(job.some).toEqual({ [name]: expression });
  });

  it('what is set to undefined and what is missing are both not defined, and told apart', async () => {
    const job = await ad('awkward', 'MyUndefined', ['MyUndefined', 'NoSuchAttribute', 'MyInt']);
    const nothing = { defined: false, redacted: false, expression: null, value: null };
    const unset = { ...nothing, name: 'MyUndefined', expression: 'undefined' };
    expect(job.attribute).toEqual(unset);
    expect(job.attributes.slice(0, 2)).toEqual([unset, { ...nothing, name: 'NoSuchAttribute' }]);
    expect(job.some).toEqual({ MyUndefined: null, NoSuchAttribute: null, MyInt: 42 });
  });

  it('bytes that are not UTF-8 become replacement characters, and hide no other job', async () => {
    const job = await ad('bad-utf8', 'BadUtf');
    expect(job.attribute.value).toBe('bad \ufffd\ufffd bytes');
    const { jobs } = await graph.ask(JobAdDocument, {
      filter: named('bad-utf8', 'awkward', 'idle'),
      name: 'BadUtf',
      names: [],
    });
    expect(jobs?.nodes.map(({ attribute }) => attribute.defined)).toEqual([false, false, true]);
  });

  it('names are the same in upper and lower case, and answered as they were asked for', async () => {
    const job = await ad('awkward', 'mYiNT', ['MYINT', 'myint']);
    expect(job.attribute).toMatchObject({ name: 'mYiNT', value: 42 });
    expect(job.attributes.map(({ value }) => value)).toEqual([42, 42]);
  });

  it('the whole ad has every attribute', async () => {
    const { classAd } = await ad('awkward', 'MyInt');
    expect(Object.keys(classAd as object).length).toBeGreaterThan(50);
    expect(classAd).toMatchObject({ MyInt: 42, MyExpr: 'MyInt + 1', Owner: 'alice' });
  });

  describe('expressions within values', () => {
    let cluster = 0;
    beforeAll(async () => {
      cluster = await pool.submit(
        port,
        'alice',
        [
          'executable = /bin/true',
          'hold = true',
          '+Inner = {1, Another + 1, "/Expr(x)/"}',
          'queue',
        ].join('\n'),
      );
    });
    afterAll(() => pool.remove(port, cluster));

    it('are marked, so that no text is taken for one', async () => {
      const { jobs } = await graph.ask(JobAdDocument, {
        filter: { cluster: { eq: cluster } },
        name: 'Inner',
        names: [],
      });
      expect(jobs?.nodes[0]?.attribute).toEqual({
        ...plain,
        name: 'Inner',
        value: [1, { expression: 'Another + 1' }, '/Expr(x)/'],
      });
    });
  });
});

describeReal('pool', 'values of an awkward job that has ended', (pool) => {
  it('are those that it had in the queue, to the byte', async () => {
    const graph = await openGraph([poolGrid(pool)]);
    const cluster = await pool.submit('alice', `${awkwardCommands()}\nqueue`);
    onTestFinished(async () => {
      await graph.stop();
      await pool.remove(`ClusterId == ${cluster}`);
    });
    const bytes = '"bad \\377\\376 bytes"';
    const edit = `condor_qedit ${cluster}.0 BadUtf "$(printf '${bytes}')"`;
    expect((await pool.asUser('alice', ['sh', '-c', edit])).stderr).toBe('');
    const names = [...awkwardCommands().matchAll(/^\+(My\w+)/gm)].map(([, name = '']) => name);
    expect(names.length).toBeGreaterThan(15);
    const variables = { filter: { cluster: { eq: cluster } }, name: 'BadUtf', names };
    const shown = async (source: 'QUEUE' | 'HISTORY') => {
      const { jobs } = await graph.ask(JobAdDocument, { ...variables, source });
      expect(jobs?.nodes).toHaveLength(1);
      return jobs?.nodes[0];
    };
    const queued = await shown('QUEUE');
    expect(queued?.attribute.value).toBe('bad \ufffd\ufffd bytes');
    expect(queued?.some).toMatchObject({
      MyBigInt: '9223372036854775807',
      MyFakeExpr: '/Expr(x)/',
    });
    await pool.remove(`ClusterId == ${cluster}`);
    await vi.waitFor(
      async () => {
        const ended = await shown('HISTORY');
        expect(ended?.attribute).toEqual(queued?.attribute);
        expect(ended?.attributes).toEqual(queued?.attributes);
        expect(ended?.some).toEqual(queued?.some);
      },
      { interval: 100 },
    );
  });
});
