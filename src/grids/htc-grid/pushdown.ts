/** What of a filter the session index can answer: which sessions, and which states of them. */
import type { Predicate, Ref, Value } from '../../query/predicate.js';
import { decide, refsOf } from '../../query/predicate.js';
import { isTerminal } from '../state.js';
import type { NativeState } from './status.js';
import { nativeStates, workState } from './status.js';

/** What is the same for every task of one session. */
export interface SessionFacts {
  readonly grid: string;
  readonly session: string;
  readonly owner: string | null;
}

/** The value of a ref for a whole grid; undefined where tasks differ in it. */
export function ofGrid(grid: string, ref: Ref): Value {
  if ('attribute' in ref) return null;
  switch (ref.field) {
    case 'grid':
    case 'gridName':
      return grid;
    case 'kind':
    case 'gridKind':
      return 'HTC_GRID';
    case '__typename':
      return 'Task';
    default:
      return undefined;
  }
}

export function ofSession({ grid, session, owner }: SessionFacts, ref: Ref): Value {
  if ('field' in ref && ref.field === 'sessionId') return session;
  if ('field' in ref && ref.field === 'owner') return owner;
  return ofGrid(grid, ref);
}

export const forSession = (filter: Predicate, facts: SessionFacts): Predicate =>
  decide(filter, (ref) => ofSession(facts, ref));

/** The value of a ref for every task of a state; undefined where they differ in it. */
function ofState(state: NativeState, ref: Ref): Value {
  if ('attribute' in ref) return undefined;
  const work = workState(state);
  switch (ref.field) {
    case 'state':
      return work;
    case 'nativeState':
      return state;
    case 'terminal':
      return isTerminal(work);
    default:
      return undefined;
  }
}

/** The states that can pass the filter. `unknown` is true where a state of none of these names could too. */
export function statesOf(filter: Predicate): {
  readonly states: readonly NativeState[];
  readonly unknown: boolean;
} {
  const states = nativeStates.filter(
    (state) => !isNever(decide(filter, (ref) => ofState(state, ref))),
  );
  const unknown = decide(filter, (ref) => {
    if ('attribute' in ref) return undefined;
    if (ref.field === 'state') return 'UNKNOWN';
    return ref.field === 'terminal' ? false : undefined;
  });
  return { states, unknown: !isNever(unknown) };
}

const bySession = new Set([
  'sessionId',
  'owner',
  'grid',
  'gridName',
  'kind',
  'gridKind',
  '__typename',
]);
const byState = new Set(['state', 'nativeState', 'terminal']);

/** How finely counts have to be made for these refs; undefined where counts can't answer them. */
export function countable(refs: Iterable<Ref>): 'session' | 'state' | undefined {
  let fine = false;
  for (const ref of refs) {
    if ('attribute' in ref) return undefined;
    if (byState.has(ref.field)) fine = true;
    else if (!bySession.has(ref.field)) return undefined;
  }
  return fine ? 'state' : 'session';
}

export const countableFilter = (filter: Predicate): 'session' | 'state' | undefined =>
  countable(refsOf(filter));

export const isNever = (filter: Predicate): boolean => filter.op === 'const' && !filter.value;
export const isAlways = (filter: Predicate): boolean => filter.op === 'const' && filter.value;
