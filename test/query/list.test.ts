import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Group, Groups } from '../../src/query/group.js';
import { list, listEach, type ListAnswer } from '../../src/query/list.js';
import type { ListPlan } from '../../src/query/plan.js';
import { and, matches, not, type Predicate } from '../../src/query/predicate.js';
import { attribute, field, type Item, item, items, plainItems } from './items.js';
import { memorySource, type MemorySource, showing, type Way } from './memory-source.js';
import { anyPlan, firstPage, groupingBy, planOf } from './plans.js';

const run = (plan: ListPlan, sources: readonly MemorySource[], maxGroups?: number) =>
  list(plan, sources, {
    type: items,
    signal: new AbortController().signal,
    ...(maxGroups !== undefined && { maxGroups }),
  });

const ids = ({ page }: ListAnswer<Item>) => page.rows.map(({ row }) => row.id[0]);

/** What a client sees of an answer: of each row the projection alone, of each source nothing. */
function visible(plan: ListPlan, { page, totalCount, groups, aggregates }: ListAnswer<Item>) {
  const seen = (row: Item) => showing(row, plan.projection);
  const seenGroup = (group: Group<Item>): unknown => ({
    ...group,
    nodes: [...group.nodes].map(([name, rows]) => [name, rows.map(seen)]),
    groups: [...group.groups].map(([name, inner]) => [name, seenGroups(inner)]),
  });
  const seenGroups = (groups: Groups<Item>) => ({ ...groups, nodes: groups.nodes.map(seenGroup) });
  return {
    page: plan.page && {
      ...page,
      rows: page.rows.map(({ row, key }) => ({ row: seen(row), key })),
    },
    totalCount: plan.count ? totalCount : 'not asked',
    groups: [...groups].map(([name, answer]) => [name, seenGroups(answer)]),
    aggregates,
  };
}

describe('an answer does not depend on how it was made', () => {
  const ways = fc.subarray<Way>(['tally', 'window', 'widen']);
  const anyListing = plainItems().chain((rows) => fc.tuple(fc.constant(rows), anyPlan(rows)));

  it('a source with cheaper ways gives what a scan gives', async () => {
    await fc.assert(
      fc.asyncProperty(anyListing, ways, async ([rows, plan], ways) => {
        const scanned = await run(plan, [memorySource(rows)]);
        const cheaper = await run(plan, [memorySource(rows, { ways })]);
        expect(visible(plan, cheaper)).toEqual(visible(plan, scanned));
      }),
      { numRuns: 150 },
    );
  });

  it('lists that are read together are what each is alone, and the source is read once', async () => {
    const partOf = ({ id }: Item) => `part ${JSON.stringify(id).length % 2}`;
    const parts = ['part 0', 'part 1', 'a part without rows'];
    const options = { type: items, signal: new AbortController().signal };
    await fc.assert(
      fc.asyncProperty(anyListing, ways, async ([rows, plan], ways) => {
        const source = memorySource(rows, { ways });
        const together = await listEach(plan, { parts, partOf }, [source], options);
        expect(['', 'scan', 'scan,widen']).toContain(source.asked.join());
        for (const part of parts) {
          const alone = await run(plan, [memorySource(rows.filter((row) => partOf(row) === part))]);
          const answer = together.get(part);
          expect(answer && visible(plan, answer)).toEqual(visible(plan, alone));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('rows over several sources, each with its own ways, give what one source gives', async () => {
    const parts = fc.array(ways, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(anyListing, parts, async ([rows, plan], parts) => {
        const one = await run(plan, [memorySource(rows)]);
        const sources = parts.map((ways, part) =>
          memorySource(
            rows.filter((_row, i) => i % parts.length === part),
            { ways },
          ),
        );
        expect(visible(plan, await run(plan, sources))).toEqual(visible(plan, one));
      }),
      { numRuns: 150 },
    );
  });

  it('a count is the number of rows that pass the filter', async () => {
    await fc.assert(
      fc.asyncProperty(anyListing, ways, async ([rows, plan], ways) => {
        const { totalCount } = await run({ ...plan, count: true }, [memorySource(rows, { ways })]);
        expect(totalCount).toBe(rows.filter((row) => matches(plan.filter, row, items.read)).length);
      }),
    );
  });
});

describe('a source is asked for the cheapest thing that answers', () => {
  const rows = [3, 1, 2].map((id) => item(id, { state: 'HELD', owner: 'alice', size: id }));
  const all: readonly Way[] = ['tally', 'window', 'widen'];
  const asked = async (plan: Partial<ListPlan>, ways: readonly Way[] = all) => {
    const source = memorySource(rows, { ways });
    await run(planOf(plan), [source]);
    return source.asked;
  };
  const page = firstPage(2);
  const bySize = [{ ref: field('size'), direction: 'DESC' as const }];

  it('nothing for a plan that reads nothing', async () => {
    expect(await asked({})).toEqual([]);
  });

  it('its own counts where counts are all', async () => {
    expect(await asked({ count: true })).toEqual(['tally']);
    expect(await asked({ groupings: [groupingBy(field('owner'))] })).toEqual(['tally']);
    expect(await asked({ aggregates: { byState: true, distributions: [] } })).toEqual(['tally']);
  });

  it('its own counts by every key: of nested groups, and the states that aggregates need', async () => {
    const source = memorySource(rows, { ways: ['tally'] });
    const nested = groupingBy(field('size'), { aggregates: { byState: true, distributions: [] } });
    const answer = await run(
      planOf({ groupings: [groupingBy(field('owner'), { groups: [nested] })] }),
      [source],
    );
    expect(source.asked).toEqual(['tally']);
    const [alice] = answer.groups.get('groups')?.nodes ?? [];
    const sizes = alice?.groups.get('groups')?.nodes ?? [];
    expect(sizes.map(({ key: [key], aggregates }) => [key?.value, aggregates?.byState])).toEqual(
      [1, 2, 3].map((size) => [size, new Map([['HELD', 1]])]),
    );
  });

  it('its own page where that is all, or its own counts are the rest', async () => {
    expect(await asked({ page })).toEqual(['window']);
    expect((await asked({ page, count: true })).toSorted()).toEqual(['tally', 'window']);
  });

  it('a scan for pages in another order, for distributions and for the rows of groups', async () => {
    const distributions = [field('size')];
    const nodes = [{ name: 'nodes', first: 1, order: [] }];
    expect(await asked({ page, order: bySize }, ['window'])).toEqual(['scan']);
    expect(await asked({ aggregates: { byState: false, distributions } })).toEqual(['scan']);
    expect(await asked({ groupings: [groupingBy(field('owner'), { nodes })] }, ['tally'])).toEqual([
      'scan',
    ]);
  });

  it('one scan alone where it would have to be scanned for one half anyway', async () => {
    expect(await asked({ page, count: true }, ['window'])).toEqual(['scan']);
    expect(await asked({ page, count: true }, ['tally'])).toEqual(['scan']);
  });

  it('the whole of the rows that are shown, and of no others', async () => {
    const source = memorySource(rows, { ways: ['widen'] });
    const widened: unknown[] = [];
    const widen = source.widen?.bind(source);
    const spied = Object.assign(source, {
      widen: (some: readonly Item[], request: Parameters<NonNullable<typeof widen>>[1]) => {
        widened.push(...some.map(({ id, fields }) => ({ id, fields })));
        return widen?.(some, request) ?? Promise.resolve(some);
      },
    });
    const projection = { fields: new Set(['owner']), attributes: new Set<string>() };
    const answer = await run(planOf({ page, order: bySize, projection }), [spied]);
    expect(widened).toEqual([
      { id: [3], fields: { size: 3 } },
      { id: [2], fields: { size: 2 } },
    ]);
    expect(answer.page.rows.map(({ row }) => row.fields.owner)).toEqual(['alice', 'alice']);
  });

  it('nothing is widened where no row is shown', async () => {
    expect(await asked({ count: true, order: bySize }, ['widen'])).toEqual(['scan']);
  });
});

describe('a source that the filter excludes', () => {
  const inGrid = (name: string): Predicate => ({ op: 'eq', ref: field('grid'), value: name });
  const sources = () =>
    ['a', 'b'].map((grid, i) =>
      memorySource([item(i, { size: 1 })], {
        grid,
        known: (ref) => ('field' in ref && ref.field === 'grid' ? grid : undefined),
      }),
    );

  it('is not asked and makes no report', async () => {
    const [a, b] = sources() as [MemorySource, MemorySource];
    const size: Predicate = { op: 'eq', ref: field('size'), value: 1 };
    const answer = await run(planOf({ page: firstPage(9), filter: and(inGrid('b'), size) }), [
      a,
      b,
    ]);
    expect(ids(answer)).toEqual([1]);
    expect(answer.sources.map(({ gridName }) => gridName)).toEqual(['b']);
    expect(a.asked).toEqual([]);
  });

  it('also where the filter excludes it by not', async () => {
    const answer = await run(planOf({ count: true, filter: not(inGrid('a')) }), sources());
    expect(answer.sources.map(({ gridName }) => gridName)).toEqual(['b']);
  });

  it('none left: the answer is empty', async () => {
    const answer = await run(
      planOf({ count: true, page: firstPage(1), filter: inGrid('c') }),
      sources(),
    );
    expect(answer).toMatchObject({
      totalCount: 0,
      sources: [],
      page: { rows: [], hasNextPage: false },
    });
  });
});

describe('the report of a source', () => {
  it('tells what it gave, and how many rows of the page are its own', async () => {
    const rows = (start: number) => [0, 2, 4].map((id) => item(start + id));
    const sources = [
      memorySource(rows(0), { grid: 'scanned' }),
      memorySource(rows(1), { grid: 'windowed', ways: ['window'] }),
      memorySource(rows(2).slice(2), { grid: 'widened', ways: ['widen'] }),
      memorySource([], { grid: 'empty' }),
    ];
    const answer = await run(planOf({ page: firstPage(3) }), sources);
    expect(ids(answer)).toEqual([0, 1, 2]);
    expect(
      answer.sources.map(({ gridName, status, returned, scanned }) => [
        gridName,
        status,
        returned,
        scanned,
      ]),
    ).toEqual([
      ['scanned', 'OK', 2, 3],
      ['windowed', 'OK', 1, null],
      ['widened', 'OK', 0, 1],
      ['empty', 'OK', 0, 0],
    ]);
  });

  it('passes on what the grid noted', async () => {
    const source = memorySource([item(1)]);
    const scan = source.scan.bind(source);
    const noting = Object.assign(source, {
      part: 'schedd-1',
      scan: (request: Parameters<typeof scan>[0]) => {
        Object.assign(request.notes, { truncated: true, pushedDown: 'Owner == "a"', asOfMs: 5 });
        return scan(request);
      },
    });
    const [report] = (await run(planOf({ page: firstPage(1) }), [noting])).sources;
    expect(report).toMatchObject({
      ...{ gridName: 'memory', part: 'schedd-1', status: 'OK', returned: 1, error: null },
      ...{ truncated: true, pushedDown: 'Owner == "a"', asOf: 5 },
    });
    expect(report?.latencyMs).toBeGreaterThanOrEqual(0);
  });
});

describe('the group limit of a list', () => {
  it('is shared by all its groupings, and leaves the count and the page whole', async () => {
    const rows = Array.from({ length: 20 }, (_, i) =>
      item(i, { owner: `u${i}` }, { tag: `t${i}` }),
    );
    const plan = planOf({
      count: true,
      page: firstPage(2),
      groupings: [groupingBy(field('owner')), groupingBy(attribute('Tag'), { name: 'tags' })],
    });
    const answer = await run(plan, [memorySource(rows)], 10);
    const [owners, tags] = [...answer.groups.values()];
    expect((owners?.totalCount ?? 0) + (tags?.totalCount ?? 0)).toBe(10);
    expect([owners?.truncated, tags?.truncated]).toEqual([true, true]);
    expect(answer.totalCount).toBe(20);
    expect(ids(answer)).toEqual([0, 1]);
  });
});
