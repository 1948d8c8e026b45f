/**
 * What this process knows of one session it follows: how far each task is, counts by state, and the
 * log of its completions. Changes may come twice and in any order; each completion is logged once.
 */
import { AppendLog } from '../../streams/append-log.js';
import type { Progress, WorkState } from '../state.js';
import { progressOf } from '../state.js';
import type { Completion } from '../tasks.js';
import type { TaskChange } from './change.js';
import { completionOf, isLast, rankOf, stateOfRank } from './change.js';
import type { NativeState } from './status.js';
import { indexOf, nativeStates, workState } from './status.js';

/** Completions of the last minute give the rate, but no more of them than this. */
const rateEntries = 2000;
const rateWindowMs = 60_000;

export class SessionLog {
  readonly log: AppendLog<Completion>;
  /** The rank of each task, by its index: a number each, however long the ids are. */
  readonly #ranks = new Map<number | string, number>();
  readonly #counts = new Map<NativeState, number>(nativeStates.map((state) => [state, 0]));
  #expected: number | undefined;

  constructor(
    name: string,
    private readonly appended: (completions: readonly Completion[]) => void = () => undefined,
  ) {
    this.log = new AppendLog(name);
  }

  get tasks(): number {
    return this.#ranks.size;
  }

  get terminal(): number {
    return nativeStates.filter(isLast).reduce((sum, state) => sum + this.count(state), 0);
  }

  count(state: NativeState): number {
    return this.#counts.get(state) ?? 0;
  }

  stateOf(taskId: string): NativeState | undefined {
    const rank = this.#ranks.get(keyOf(taskId));
    return rank === undefined ? undefined : stateOfRank(rank);
  }

  apply(changes: readonly TaskChange[], seenAt: number = Date.now()): void {
    const completions: Completion[] = [];
    for (const change of changes)
      if (this.#advance(change) && isLast(change.state))
        completions.push(completionOf(change, seenAt));
    if (completions.length > 0 && !this.log.complete && this.log.lost === undefined) {
      this.log.append(completions);
      this.appended(completions);
    }
    this.#settle();
  }

  /** The number of tasks there will be, once no submission is under way: then the log can end. */
  expect(tasks: number): void {
    this.#expected = tasks;
    this.#settle();
  }

  counts(): ReadonlyMap<WorkState, number> {
    return new Map([...this.#counts].map(([state, count]) => [workState(state), count]));
  }

  progress(now: number = Date.now()): Progress {
    const { log } = this;
    const recent = log
      .read(Math.max(log.start, log.end - rateEntries), rateEntries)
      .filter(({ seenAt }) => seenAt > now - rateWindowMs);
    const open = this.tasks - this.terminal;
    const [first] = recent;
    const spanMs = first === undefined ? 0 : now - first.seenAt;
    // Two completions and a second are the least that make a rate.
    if (recent.length < 2 || spanMs < 1000 || open === 0)
      return progressOf(this.counts(), { ratePerMinute: null, etaAt: null });
    const perMs = recent.length / spanMs;
    return progressOf(this.counts(), {
      ratePerMinute: perMs * 60_000,
      etaAt: Math.round(now + open / perMs),
    });
  }

  /** True where the change is news. */
  #advance(change: TaskChange): boolean {
    const key = keyOf(change.taskId);
    const before = this.#ranks.get(key);
    const rank = rankOf(change, before);
    if (before !== undefined) {
      if (before >= rank) return false;
      this.#add(stateOfRank(before), -1);
    }
    this.#ranks.set(key, rank);
    this.#add(change.state, 1);
    return true;
  }

  #add(state: NativeState, by: number): void {
    this.#counts.set(state, this.count(state) + by);
  }

  #settle(): void {
    if (this.#expected !== undefined && this.terminal >= this.#expected) this.log.finish();
  }
}

const keyOf = (taskId: string): number | string => indexOf(taskId) ?? taskId;
