/** From the filters of the graph to predicates over rows. */
import { GridError } from '../src/errors.js';
import { decodeIdAs } from '../src/grids/id.js';
import { terminalStates, type WorkState } from '../src/grids/state.js';
import { parseConstraint } from '../src/query/constraint.js';
import { and, not, or, type Predicate, type Ref } from '../src/query/predicate.js';
import type { AdFilter } from '../schema/ad.js';
import type { JobFilter } from '../schema/job.js';
import type {
  AttributeMatch,
  NumberMatch,
  StateMatch,
  StringMatch,
  TimeMatch,
} from '../schema/match.js';
import type { TaskFilter } from '../schema/task.js';
import type { WorkFilter } from '../schema/work-list.js';
import { durationMs } from './duration.js';

/** Filters are small by nature; these bounds keep one request from costing like a thousand. */
const maxTerms = 200;
const maxDepth = 12;
const maxNativeIds = 1000;
/** Of all expressions in a filter together: what is longer is not sent to a grid in one command. */
const maxConstraintLength = 8192;

type Junctions<F> = {
  readonly and?: readonly F[] | null;
  readonly or?: readonly F[] | null;
  readonly not?: F | null;
};

export const workPredicate = (filter: WorkFilter | null | undefined): Predicate =>
  predicate(filter, (leaf) => [
    ...text({ field: 'gridName' }, leaf.grid),
    ...(leaf.kind ? [is({ field: 'kind' }, leaf.kind)] : []),
    ...state(leaf.state),
    ...text({ field: 'owner' }, leaf.owner),
    ...time({ field: 'submittedAt' }, leaf.submitted),
    ...time({ field: 'endedAt' }, leaf.ended),
  ]);

export const taskPredicate = (filter: TaskFilter | null | undefined): Predicate =>
  predicate(filter, (leaf) => [
    ...text({ field: 'gridName' }, leaf.grid),
    ...state(leaf.state),
    ...(leaf.sessions ? [ofSessions(leaf.sessions)] : []),
    ...text({ field: 'owner' }, leaf.owner),
    ...number({ field: 'priority' }, leaf.priority),
    ...text({ field: 'worker' }, leaf.worker),
    ...number({ field: 'attempts' }, leaf.attempts),
    ...time({ field: 'submittedAt' }, leaf.submitted),
    ...time({ field: 'endedAt' }, leaf.ended),
  ]);

export const jobPredicate = (filter: JobFilter | null | undefined): Predicate =>
  predicate(filter, (leaf) => [
    ...text({ field: 'gridName' }, leaf.grid),
    ...text({ field: 'schedd' }, leaf.schedd),
    ...state(leaf.state),
    ...text({ field: 'owner' }, leaf.owner),
    ...number({ field: 'clusterId' }, leaf.cluster),
    ...(leaf.nativeIds ? [ofNativeIds(leaf.nativeIds)] : []),
    ...text({ field: 'batchName' }, leaf.batchName),
    ...time({ field: 'submittedAt' }, leaf.submitted),
    ...time({ field: 'endedAt' }, leaf.ended),
    ...(leaf.attributes ?? []).flatMap(attribute),
    ...given(leaf.constraint).map(raw),
  ]);

/** What the arguments of `sessions` say. */
export const sessionPredicate = (
  owner: StringMatch | null | undefined,
  submitted: TimeMatch | null | undefined,
): Predicate =>
  and(...text({ field: 'owner' }, owner), ...time({ field: 'submittedAt' }, submitted));

export const adPredicate = (filter: AdFilter | null | undefined): Predicate =>
  predicate(filter, (leaf) => [
    ...text({ field: 'gridName' }, leaf.grid),
    ...text({ field: 'name' }, leaf.name),
    ...(leaf.attributes ?? []).flatMap(attribute),
    ...given(leaf.constraint).map(raw),
  ]);

/** Everything in a filter must hold; junctions nest. An empty filter is all. */
function predicate<F extends Junctions<F>>(
  filter: F | null | undefined,
  leaves: (filter: F) => readonly Predicate[],
): Predicate {
  let terms = 0;
  let constraintLength = 0;
  const compile = (part: F, depth: number): Predicate => {
    const own = leaves(part);
    for (const term of own) {
      if (term.op === 'constraint') constraintLength += term.constraint.text.length;
    }
    if (constraintLength > maxConstraintLength) {
      throw new GridError(
        'BAD_FILTER',
        `Expected constraints of at most ${maxConstraintLength} characters together; split the question.`,
      );
    }
    terms += own.length + 1;
    if (depth > maxDepth || terms > maxTerms) {
      throw new GridError(
        'BAD_FILTER',
        `Expected a filter of at most ${maxTerms} terms in ${maxDepth} levels; split the question.`,
      );
    }
    return and(
      ...own,
      ...(part.and ?? []).map((inner) => compile(inner, depth + 1)),
      ...(part.or ? [or(...part.or.map((inner) => compile(inner, depth + 1)))] : []),
      ...(part.not ? [not(compile(part.not, depth + 1))] : []),
    );
  };
  return filter ? compile(filter, 1) : and();
}

const is = (ref: Ref, value: string | number | boolean): Predicate => ({ op: 'eq', ref, value });

/** `null` in a filter means "not given", as leaving it out does. */
const given = <T>(value: T | null | undefined): readonly T[] => (value == null ? [] : [value]);

function text(ref: Ref, match: StringMatch | null | undefined): readonly Predicate[] {
  if (!match) return [];
  return [
    ...given(match.eq).map((value) => is(ref, value)),
    ...given(match.ne).map((value) => not(is(ref, value))),
    ...given(match.in).map((values): Predicate => ({ op: 'in', ref, values })),
    ...given(match.startsWith).map((value): Predicate => ({ op: 'startsWith', ref, value })),
    ...given(match.contains).map((value): Predicate => ({ op: 'contains', ref, value })),
    ...defined(ref, match.defined),
  ];
}

function number(ref: Ref, match: NumberMatch | null | undefined): readonly Predicate[] {
  if (!match) return [];
  const bounds = (['lt', 'lte', 'gt', 'gte'] as const).flatMap((op) =>
    given(match[op]).map((value): Predicate => ({ op, ref, value })),
  );
  return [
    ...given(match.eq).map((value) => is(ref, value)),
    ...given(match.ne).map((value) => not(is(ref, value))),
    ...bounds,
    ...given(match.in).map((values): Predicate => ({ op: 'in', ref, values })),
    ...defined(ref, match.defined),
  ];
}

function time(ref: Ref, match: TimeMatch | null | undefined): readonly Predicate[] {
  if (!match) return [];
  return [
    ...given(match.after).map((value): Predicate => ({ op: 'gte', ref, value })),
    ...given(match.before).map((value): Predicate => ({ op: 'lt', ref, value })),
    ...given(match.withinLast).map((text): Predicate => ({
      op: 'gte',
      ref,
      value: Date.now() - durationMs('withinLast', text),
    })),
  ];
}

function state(match: StateMatch | null | undefined): readonly Predicate[] {
  if (!match) return [];
  const oneOf = (values: readonly WorkState[]): Predicate => ({
    op: 'in',
    ref: { field: 'state' },
    values,
  });
  return [
    ...given(match.eq).map((value) => oneOf([value])),
    ...given(match.in).map(oneOf),
    ...given(match.notIn).map((values) => not(oneOf(values))),
    ...given(match.terminal).map((ended) =>
      ended ? oneOf([...terminalStates]) : not(oneOf([...terminalStates])),
    ),
  ];
}

function defined(ref: Ref, wanted: boolean | null | undefined): readonly Predicate[] {
  return given(wanted).map((yes) => (yes ? { op: 'defined', ref } : not({ op: 'defined', ref })));
}

function attribute(match: AttributeMatch): readonly Predicate[] {
  const ref: Ref = { attribute: match.name };
  const kinds = [match.string, match.number, match.boolean].filter((kind) => kind != null);
  if (kinds.length !== 1) {
    throw new GridError(
      'BAD_FILTER',
      `Expected exactly one of string, number and boolean for attribute ${JSON.stringify(match.name)}, came ${kinds.length}.`,
    );
  }
  return [
    ...text(ref, match.string),
    ...number(ref, match.number),
    ...given(match.boolean).map((value) => is(ref, value)),
  ];
}

function ofSessions(ids: readonly string[]): Predicate {
  const keys = ids.map((id) => decodeIdAs('Session', id));
  return or(
    ...keys.map(({ grid, parts: [session] }) =>
      and(is({ field: 'gridName' }, grid), is({ field: 'sessionId' }, session)),
    ),
  );
}

function ofNativeIds(ids: readonly string[]): Predicate {
  if (ids.length > maxNativeIds) {
    throw new GridError(
      'BAD_FILTER',
      `Expected at most ${maxNativeIds} nativeIds, came ${ids.length}; ask in parts.`,
    );
  }
  return or(
    ...ids.map((id) => {
      const [, cluster, proc] = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(id) ?? [];
      if (cluster === undefined) {
        throw new GridError(
          'BAD_FILTER',
          `Expected a job id like "123.0" or a cluster like "123" in nativeIds, came ${JSON.stringify(id.slice(0, 80))}.`,
        );
      }
      return and(
        is({ field: 'clusterId' }, Number(cluster)),
        ...(proc === undefined ? [] : [is({ field: 'procId' }, Number(proc))]),
      );
    }),
  );
}

/** Nothing unparsed reaches a grid: an expression is parsed, checked and printed again. */
const raw = (text: string): Predicate => ({ op: 'constraint', constraint: parseConstraint(text) });
