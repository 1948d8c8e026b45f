/** Groups of a list, nested and bucketed; a missing value is a group of its own, nothing is dropped. */
import { AggregateCollector, type Aggregates } from './aggregate.js';
import { compareValues, jsonText, sortValue } from './compare.js';
import { PageCollector } from './page.js';
import type { GroupKeySpec, GroupingSpec } from './plan.js';
import type { Value } from './predicate.js';
import type { RowType } from './source.js';

export interface GroupKey {
  readonly name: string;
  readonly defined: boolean;
  readonly value: Value;
  readonly text: string;
}

export interface Group<Row> {
  readonly key: readonly GroupKey[];
  readonly count: number;
  readonly aggregates: Aggregates | undefined;
  /** By the name of the selection. */
  readonly nodes: ReadonlyMap<string, readonly Row[]>;
  readonly groups: ReadonlyMap<string, Groups<Row>>;
}

export interface Groups<Row> {
  readonly nodes: readonly Group<Row>[];
  /** Groups that pass `countAtLeast`, before `first`. */
  readonly totalCount: number;
  /** True when more distinct keys were met than the limit allows: rows of the surplus keys are in no group. */
  readonly truncated: boolean;
}

/** Distinct keys of one list that are kept, over all its groupings. */
export const defaultMaxGroups = 10_000;

/** How many groups may still be made: shared by all groupings of a list, so that nesting can't multiply it. */
export class GroupBudget {
  constructor(private left: number = defaultMaxGroups) {}
  take(): boolean {
    return this.left-- > 0;
  }
}

interface Member<Row> {
  readonly key: readonly GroupKey[];
  count: number;
  readonly aggregates: AggregateCollector<Row> | undefined;
  readonly nodes: ReadonlyMap<string, PageCollector<Row>>;
  readonly groups: readonly GroupCollector<Row>[];
}

export class GroupCollector<Row> {
  readonly #members = new Map<string, Member<Row>>();
  #truncated = false;

  constructor(
    private readonly spec: GroupingSpec,
    private readonly type: RowType<Row>,
    private readonly budget: GroupBudget,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  /** True where a group keeps the row itself, not just its count. */
  add(row: Row, count: number): boolean {
    const { by } = this.spec;
    const name = nameOf(by, row, this.type);
    let member = this.#members.get(name);
    if (member === undefined) {
      if (!this.budget.take()) {
        this.#truncated = true;
        return false;
      }
      member = this.#member(by.map((part) => keyPart(part, this.type.read(row, part.ref))));
      this.#members.set(name, member);
    }
    member.count += count;
    member.aggregates?.add(row, count);
    let kept = false;
    for (const nodes of member.nodes.values()) kept = nodes.add(row) || kept;
    for (const group of member.groups) kept = group.add(row, count) || kept;
    return kept;
  }

  answer(): Groups<Row> {
    const { countAtLeast, first } = this.spec;
    const kept = [...this.#members.values()].filter(({ count }) => count >= countAtLeast);
    kept.sort((a, b) => this.#compare(a, b));
    return {
      nodes: kept.slice(0, first).map((member) => ({
        key: member.key,
        count: member.count,
        aggregates: member.aggregates?.answer(),
        nodes: new Map(
          [...member.nodes].map(([name, nodes]) => [name, nodes.page().rows.map(({ row }) => row)]),
        ),
        groups: new Map(member.groups.map((group) => [group.name, group.answer()])),
      })),
      totalCount: kept.length,
      truncated: this.#truncated,
    };
  }

  #member(key: readonly GroupKey[]): Member<Row> {
    const { aggregates, nodes, groups } = this.spec;
    return {
      key,
      count: 0,
      aggregates: aggregates && new AggregateCollector(aggregates, this.type),
      nodes: new Map(
        nodes.map(({ name, first, order }) => [
          name,
          new PageCollector(
            { from: 'front', limit: first, after: undefined, before: undefined },
            order,
            this.type,
          ),
        ]),
      ),
      groups: groups.map((spec) => new GroupCollector(spec, this.type, this.budget)),
    };
  }

  #compare(a: Member<Row>, b: Member<Row>): number {
    const byKey = compareKeys(a.key, b.key);
    switch (this.spec.orderBy) {
      case 'COUNT_DESC':
        return b.count - a.count || byKey;
      case 'COUNT_ASC':
        return a.count - b.count || byKey;
      case 'KEY_ASC':
        return byKey;
      case 'KEY_DESC':
        return -byKey;
      default:
        return this.spec.orderBy satisfies never;
    }
  }
}

/** What tells the groups apart, made for every row: the key that is shown is made once for each group. */
function nameOf<Row>(by: readonly GroupKeySpec[], row: Row, type: RowType<Row>): string {
  const [only] = by;
  if (only && by.length === 1) return identity(only, type.read(row, only.ref));
  let name = '';
  for (const part of by) {
    const own = identity(part, type.read(row, part.ref));
    name += `${own.length}:${own}`;
  }
  return name;
}

/** Tells the string "1" from the number 1, and undefined from the string "undefined": what is no string begins with NUL. */
function identity(part: GroupKeySpec, value: Value): string {
  // Unmarked, and not copied: this is done for every row.
  if (typeof value === 'string') return value.charCodeAt(0) === 0 ? `\0string:${value}` : value;
  if (isMissing(value)) return '\0undefined';
  const range = rangeOf(part, value);
  if (range) return `\0range:${range.low}`;
  return `\0${typeof value === 'bigint' ? 'number' : typeof value}:${text(value)}`;
}

function keyPart(part: GroupKeySpec, value: Value): GroupKey {
  const { ref, bucket } = part;
  const name = 'field' in ref ? ref.field : ref.attribute;
  if (isMissing(value)) return { name, defined: false, value: null, text: 'undefined' };
  const range = rangeOf(part, value);
  if (!range) return { name, defined: true, value, text: text(value) };
  const [low, high] =
    bucket && 'everyMs' in bucket
      ? [isoTime(range.low), isoTime(range.high)]
      : [range.low, range.high];
  return { name, defined: true, value: low, text: `[${low}, ${high})` };
}

const isMissing = (value: Value): value is null | undefined =>
  value === undefined || value === null || (typeof value === 'number' && Number.isNaN(value));

interface Range {
  readonly low: number;
  readonly high: number;
}

/** Undefined without a bucket, and where no range holds the value: an infinity, or a number too large for ranges of that width. */
function rangeOf({ ref, bucket }: GroupKeySpec, value: Value): Range | undefined {
  if (!bucket || (typeof value !== 'number' && typeof value !== 'bigint')) return undefined;
  if ('width' in bucket) return boundsOf(Number(value), bucket.width);
  // ClassAd times are seconds since the epoch, the graph's own time fields milliseconds.
  return boundsOf(Number(value) * ('field' in ref ? 1 : 1000), bucket.everyMs);
}

function boundsOf(value: number, width: number): Range | undefined {
  let index = Math.floor(value / width);
  // The division rounds: 0.29999999999999993 / 0.1 is 3, and 3 * 0.1 is more than the value.
  if (index * width > value) index -= 1;
  else if ((index + 1) * width <= value) index += 1;
  const [low, high] = [index * width, (index + 1) * width];
  return low <= value && value < high && high < Infinity ? { low, high } : undefined;
}

/** Times outside what a Date can say stay numbers. */
const isoTime = (ms: number): string =>
  Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);

const text = (value: NonNullable<Value>): string =>
  typeof value === 'object' ? jsonText(value) : String(value);

function compareKeys(a: readonly GroupKey[], b: readonly GroupKey[]): number {
  for (const [i, key] of a.entries()) {
    const sign = compareValues(sortValue(key.value), sortValue(b[i]?.value));
    if (sign !== 0) return sign;
  }
  return 0;
}
