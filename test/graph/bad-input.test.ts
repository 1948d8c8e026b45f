/** Bad input gets a code of the closed list and words that say what was expected; nothing is a fault of the server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeedJobsDocument, SubmitTasksDocument } from '../generated/graphql.js';
import type { errorCodes } from '../../src/errors.js';
import { encodeId } from '../../src/grids/id.js';
import { describeReal } from '../real/index.js';
import { embeddedGrid, type Graph, openGraph, poolGrid } from './open-graph.js';
import { seedList } from './seed.js';

const task = encodeId('Task', 'local', 'a_0');
const deep = (levels: number): string =>
  levels === 0 ? '{ owner: { eq: "x" } }' : `{ not: ${deep(levels - 1)} }`;
const many = (count: number, text: string) => Array.from({ length: count }, () => text).join(' ');

type Case = readonly [
  words: string,
  selection: string,
  code: keyof typeof errorCodes,
  says: RegExp,
];

const ids: readonly Case[] = [
  [
    'an id that is none',
    'node(id: "nonsense") { id }',
    'BAD_ID',
    /id that this server gave.*"nonsense"/,
  ],
  ['an empty id', 'node(id: "") { id }', 'BAD_ID', /expected an id/i],
  ['one bad id among several', `nodes(ids: ["${task}", "x"]) { id }`, 'BAD_ID', /"x"/],
  [
    'an id of another kind',
    `job(id: "${task}") { id }`,
    'BAD_ID',
    /id of a Job, came the id of a Task/,
  ],
  ['an id of another kind', `session(id: "${task}") { id }`, 'BAD_ID', /id of a Session/],
  [
    'a task in place of a session',
    `tasks(filter: { sessions: ["${task}"] }) { totalCount }`,
    'BAD_ID',
    /Session/,
  ],
  [
    'more ids than a page',
    `nodes(ids: [${many(1001, `"${task}"`)}]) { id }`,
    'BAD_PAGE',
    /at most 1000 ids, came 1001/,
  ],
  ['no id at all', 'job { id }', 'BAD_USER_INPUT', /exactly one of the arguments id and jobId/],
  ['two ids', `task(id: "${task}", taskId: "a_0") { id }`, 'BAD_USER_INPUT', /exactly one/],
  ['a job id that is none', 'job(jobId: "twelve") { id }', 'BAD_USER_INPUT', /"123\.0".*"twelve"/],
  ['a job id without its number', 'job(jobId: "12") { id }', 'BAD_USER_INPUT', /"123\.0"/],
];

const pages: readonly Case[] = [
  [
    'a negative page',
    'jobs(first: -1) { nodes { id } }',
    'BAD_PAGE',
    /first from 1 to 1000, came -1/,
  ],
  ['an empty page', 'tasks(last: 0) { nodes { id } }', 'BAD_PAGE', /last from 1 to 1000, came 0/],
  [
    'a page over the limit',
    'work(first: 1001) { nodes { id } }',
    'BAD_PAGE',
    /1 to 1000, came 1001/,
  ],
  ['first and last', 'slots(first: 1, last: 1) { nodes { id } }', 'BAD_PAGE', /first or last/],
  ['no cursor', 'jobs(after: "x") { nodes { id } }', 'CURSOR_INVALID', /cursor from pageInfo/],
  [
    'a very long cursor',
    `jobs(before: "${'A'.repeat(20_000)}") { nodes { id } }`,
    'CURSOR_INVALID',
    /cursor/,
  ],
  [
    'too many groups',
    'jobs { groups(by: [{ field: OWNER }], first: 1001) { totalCount } }',
    'BAD_PAGE',
    /1 to 1000/,
  ],
  [
    'too many rows of a group',
    'jobs { groups(by: [{ field: OWNER }]) { nodes { nodes(first: 101) { id } } } }',
    'BAD_PAGE',
    /1 to 100/,
  ],
];

const filters: readonly Case[] = [
  [
    'a filter that is too deep',
    `jobs(filter: ${deep(13)}) { totalCount }`,
    'BAD_FILTER',
    /200 terms in 12 levels/,
  ],
  [
    'a filter of too many terms',
    `work(filter: { or: [${many(201, '{ owner: { eq: "x" } }')}] }) { totalCount }`,
    'BAD_FILTER',
    /200 terms/,
  ],
  [
    'a job id that is none',
    'jobs(filter: { nativeIds: ["x"] }) { totalCount }',
    'BAD_FILTER',
    /"123\.0"/,
  ],
  [
    'no comparison',
    'jobs(filter: { attributes: [{ name: "A" }] }) { totalCount }',
    'BAD_FILTER',
    /exactly one of string, number and boolean/,
  ],
  [
    'two comparisons',
    'slots(filter: { attributes: [{ name: "A", boolean: true, number: { eq: 1 } }] }) { totalCount }',
    'BAD_FILTER',
    /exactly one/,
  ],
  [
    'a bad duration',
    'jobs(filter: { submitted: { withinLast: "soon" } }) { totalCount }',
    'BAD_USER_INPUT',
    /"15m".*"soon"/,
  ],
  [
    'an endless duration',
    'work(filter: { ended: { withinLast: "999999999w" } }) { totalCount }',
    'BAD_USER_INPUT',
    /at most a century/,
  ],
  [
    'text of several lines',
    'jobs(filter: { owner: { eq: "a\\nb" } }) { totalCount }',
    'BAD_FILTER',
    /one line/,
  ],
];

const groups: readonly Case[] = [
  [
    'two parts in one key',
    'jobs { groups(by: [{ field: OWNER, attribute: "Owner" }]) { totalCount } }',
    'BAD_USER_INPUT',
    /exactly one of field and attribute/,
  ],
  ['an empty key', 'jobs { groups(by: [{}]) { totalCount } }', 'BAD_USER_INPUT', /exactly one/],
  ['no key', 'tasks { groups { totalCount } }', 'BAD_USER_INPUT', /1 to 5 parts in groups\(by:\)/],
  [
    'too many keys',
    `work { groups(by: [${many(6, '{ field: OWNER }')}]) { totalCount } }`,
    'BAD_USER_INPUT',
    /1 to 5/,
  ],
  [
    'a bucket of no width',
    'jobs { groups(by: [{ attribute: "A", bucket: { width: 0 } }]) { totalCount } }',
    'BAD_USER_INPUT',
    /above 0, came 0/,
  ],
  [
    'a bucket of two widths',
    'jobs { groups(by: [{ attribute: "A", bucket: { width: 1, every: "1d" } }]) { totalCount } }',
    'BAD_USER_INPUT',
    /exactly one of width and every/,
  ],
  [
    'an order of two names',
    'jobs(orderBy: [{ field: OWNER, attribute: "A" }]) { nodes { id } }',
    'BAD_USER_INPUT',
    /exactly one/,
  ],
  [
    'an order of too many terms',
    `work(orderBy: [${many(6, '{ field: OWNER }')}]) { nodes { id } }`,
    'BAD_USER_INPUT',
    /at most 5 terms/,
  ],
  [
    'too many attributes',
    `jobs(first: 1) { nodes { attributes(names: [${many(501, '"A"')}]) { name } } }`,
    'LIMIT_EXCEEDED',
    /at most 500/,
  ],
];

const places: readonly Case[] = [
  [
    'an unknown grid',
    'sessions(grid: "elsewhere") { totalCount }',
    'UNKNOWN_GRID',
    /pool, local.*"elsewhere"/,
  ],
  [
    'an unknown grid in a filter',
    'jobs(filter: { grid: { eq: "elsewhere" } }) { totalCount }',
    'UNKNOWN_GRID',
    /"elsewhere"/,
  ],
  [
    'an unknown grid among known ones',
    'work(filter: { grid: { in: ["local", "elsewhere"] } }) { totalCount }',
    'UNKNOWN_GRID',
    /"elsewhere"/,
  ],
  [
    'a grid of another kind',
    'sessions(grid: "pool") { totalCount }',
    'CAPABILITY_MISSING',
    /expected one of kind HTC_GRID \(local\)/,
  ],
  [
    'an unknown schedd',
    'jobs(filter: { schedd: { eq: "x" } }) { totalCount }',
    'UNKNOWN_SCHEDD',
    /"x"/,
  ],
  [
    'a scan of nothing',
    'jobs(source: HISTORY, scanLimit: 0) { totalCount }',
    'BAD_USER_INPUT',
    /scanLimit from 1/,
  ],
  [
    'a bad place to stop',
    'jobs(source: HISTORY, since: "yesterday") { totalCount }',
    'BAD_USER_INPUT',
    /"yesterday"/,
  ],
];

describeReal('pool', 'bad input', (pool) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool), await embeddedGrid()]);
  });
  afterAll(() => graph.stop());

  const refusal = async (selection: string, variables: object = {}) => {
    const { errors, codes } = await graph.answer(selection, variables);
    return { message: errors[0]?.message ?? '', codes };
  };

  describe.each([
    ['ids', ids],
    ['pages', pages],
    ['filters', filters],
    ['groups and orders', groups],
    ['places', places],
  ])('%s', (_name, cases) => {
    it.each(cases)('%s: %s', async (_words, selection, code, says) => {
      const { codes, message } = await refusal(`{ ${selection} }`);
      expect(new Set(codes)).toEqual(new Set([code]));
      expect(message).toMatch(says);
    });
  });

  describe('cursors of other lists', () => {
    it('are refused with the name of their own', async () => {
      const { pageInfo } = await seedList(graph, { first: 1 });
      const selection = 'query ($after: String) { slots(after: $after) { nodes { id } } }';
      const { codes, message } = await refusal(selection, { after: pageInfo.endCursor });
      expect(codes).toEqual(['CURSOR_INVALID']);
      expect(message).toMatch(/list "slots".*"jobs"/);
    });
  });

  describe('variables of the wrong type', () => {
    it.each<[string, object]>([
      ['a number for text', { filter: { owner: { eq: 5 } } }],
      ['an unknown state', { filter: { state: { eq: 'ASLEEP' } } }],
      ['an unknown field', { filter: { colour: 'red' } }],
      ['text for a number', { first: 'ten' }],
      ['a time without a zone', { filter: { submitted: { after: '2024-01-01T00:00:00' } } }],
      ['a day that is none', { filter: { submitted: { after: '2024-13-41T00:00:00Z' } } }],
      ['an empty constraint', { filter: { constraint: '' } }],
    ])('%s', async (_words, variables) => {
      const { codes, errors } = await graph.answer(SeedJobsDocument, variables);
      expect(codes).toEqual(['BAD_USER_INPUT']);
      expect(errors[0]?.message).toMatch(
        /^(Variable "\$\w+" got invalid|\$filter[.\w]*: Expected) /,
      );
    });

    it('payloads that are missing', async () => {
      const input = {} as { payloads: unknown[] };
      expect((await graph.answer(SubmitTasksDocument, { input })).codes).toEqual([
        'BAD_USER_INPUT',
      ]);
    });
  });
});
