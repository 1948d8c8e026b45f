/**
 * How far each task of a session is, whatever told it: rows (in streams, or read) say it exactly, entries
 * of an index say the state alone. Changes may come twice and in any order; what is news stays the same.
 */
import type { TaskChange } from './change.js';
import { isLast } from './change.js';
import type { NativeState } from './status.js';
import { RankTable } from './rank-table.js';
import { indexOf, nativeStates, taskIdOf } from './status.js';

/** What a sighting in an index is worth. DOUBTFUL: it can't follow what is known; the row tells. */
export type Sighting = 'KNOWN' | 'NEWS' | 'DOUBTFUL';

/** What is known of a followed session's tasks, by all its sources together. */
export interface KnownTasks {
  sighted(taskId: string, state: NativeState): Sighting;
  count(state: NativeState): number;
  /** True where there are tasks that nobody has told of; undefined where it is not known how many there are. */
  readonly lacks: boolean | undefined;
  /** Tasks that have not ended. */
  open(session: string): Iterable<string>;
}

/**
 * A rank is one number, so that a task costs few bytes: the life (milliseconds between submissions), then
 * the attempt, then the place of the state. Ranks below 0 are of tasks that only an index told of.
 */
const places = nativeStates.length;
const attempts = 128;
/** Rows may be stamped so much earlier than the first one that was seen. */
const slackMs = 600_000;
/** So long after a task was submitted an index may still show the end that it had before. */
const lateMs = 10_000;

export class TaskRanks implements KnownTasks {
  /** How many tasks there will be, once that is known. */
  expected: number | undefined;
  readonly #ranks = new RankTable();
  readonly #counts = new Map<NativeState, number>(nativeStates.map((state) => [state, 0]));
  /** Tasks with another life behind them: an index may still show that one. */
  readonly #again = new Set<number | string>();
  #firstAt: number | undefined;

  /** @param since epoch milliseconds: rows of before are of the life that the indexes show since */
  constructor(
    private readonly since: number = Date.now(),
    private readonly now: () => number = Date.now,
  ) {}

  get size(): number {
    return this.#ranks.size;
  }

  /** What the ranks take; those of tasks with ids of another form not counted. */
  get bytes(): number {
    return this.#ranks.bytes;
  }

  get lacks(): boolean | undefined {
    return this.expected === undefined ? undefined : this.size < this.expected;
  }

  count(state: NativeState): number {
    return this.#counts.get(state) ?? 0;
  }

  stateOf(taskId: string): NativeState | undefined {
    const rank = this.#ranks.get(keyOf(taskId));
    return rank === undefined ? undefined : stateOfRank(rank);
  }

  sighted(taskId: string, state: NativeState): Sighting {
    const key = keyOf(taskId);
    const before = this.#ranks.get(key);
    if (before === undefined) return 'NEWS';
    const step = placeOf(state) - placeOfRank(before);
    if (step === 0) return 'KNOWN';
    if (step < 0 || this.#again.has(key)) return 'DOUBTFUL';
    return isLast(state) && this.#isNew(before) ? 'DOUBTFUL' : 'NEWS';
  }

  *open(session: string): Generator<string> {
    for (const [key, rank] of this.#ranks)
      if (!isLast(stateOfRank(rank))) yield typeof key === 'number' ? taskIdOf(session, key) : key;
  }

  /** True where the change is news: from then on the task is that far. */
  advance(change: TaskChange): boolean {
    const key = keyOf(change.taskId);
    const before = this.#ranks.get(key);
    const after = this.#after(key, before, change);
    if (after === undefined) return false;
    this.#ranks.set(key, after);
    if (before !== undefined) {
      const was = stateOfRank(before);
      if (isLast(was) && !isLast(change.state)) this.#again.add(key);
      // An index had told the state already; now its row is known.
      if (before < 0 && was === change.state) return false;
      this.#add(was, -1);
    }
    this.#add(change.state, 1);
    return true;
  }

  /** The rank that takes the place of `before`; undefined where the change is old. */
  #after(key: number | string, before: number | undefined, change: TaskChange): number | undefined {
    const place = placeOf(change.state);
    if (change.retries === undefined) {
      if (before === undefined) return place - places;
      if (this.sighted(change.taskId, change.state) !== 'NEWS') return undefined;
      return before - placeOfRank(before) + place;
    }
    const rank = this.#rankOf(change, change.retries, before) + place;
    if (before === undefined) return rank;
    if (before >= 0) {
      if (rank <= before) return undefined;
      if (isLast(stateOfRank(before)) && lifeOf(rank) > lifeOf(before)) this.#again.add(key);
      return rank;
    }
    // The index told an end: only another life, or a later end, comes behind it.
    const was = stateOfRank(before);
    if (!isLast(was) || place >= placeOf(was)) return rank;
    return (change.submittedAt ?? 0) > this.since ? rank : undefined;
  }

  #rankOf({ submittedAt }: TaskChange, retries: number, before: number | undefined): number {
    if (submittedAt !== undefined) this.#firstAt ??= submittedAt;
    const life =
      submittedAt === undefined || this.#firstAt === undefined
        ? before === undefined || before < 0
          ? slackMs
          : lifeOf(before)
        : Math.max(0, submittedAt - this.#firstAt + slackMs);
    return (life * attempts + Math.min(retries, attempts - 1)) * places;
  }

  /** Of a task that was submitted just now nobody here knows whether it had another life. */
  #isNew(rank: number): boolean {
    if (rank < 0 || this.#firstAt === undefined) return false;
    return this.#firstAt + lifeOf(rank) - slackMs > this.now() - lateMs;
  }

  #add(state: NativeState, by: number): void {
    this.#counts.set(state, this.count(state) + by);
  }
}

const keyOf = (taskId: string): number | string => indexOf(taskId) ?? taskId;
const placeOf = (state: NativeState): number => nativeStates.indexOf(state);
const placeOfRank = (rank: number): number => (rank < 0 ? rank + places : rank % places);
const lifeOf = (rank: number): number => Math.floor(rank / places / attempts);
const stateOfRank = (rank: number): NativeState =>
  // The place is an index of the list.
  nativeStates[placeOfRank(rank)] as NativeState;
