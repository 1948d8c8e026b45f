/**
 * What this process knows of one session it follows: how far each task is, counts by state, and the
 * log of its completions. Changes may come twice and in any order; each end is logged once, and another
 * end of the same task with another revision.
 */
import { AppendLog } from '../../streams/append-log.js';
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import type { CompletionLog } from '../../streams/log.js';
import type { Progress, WorkState } from '../state.js';
import { isTerminal, progressOf } from '../state.js';
import type { Completion } from '../tasks.js';
import type { TaskChange } from './change.js';
import { completionOf, isLast } from './change.js';
import { CompletionColumns } from './completion-columns.js';
import type { NativeState } from './status.js';
import { nativeStates, workState } from './status.js';
import type { KnownTasks } from './task-ranks.js';
import { TaskRanks } from './task-ranks.js';

/** Completions of the last minute give the rate, but no more of them than this. */
const rateEntries = 2000;
const rateWindowMs = 60_000;

/** What is known of a session that is followed, here or by another replica. */
export interface FollowedSession {
  readonly log: CompletionLog<Completion>;
  readonly tasks: number;
  /** True where a task of a log that is over went on: cancelled after its end, or submitted again. */
  readonly outdated: boolean;
  /** False where what is known may be old. */
  readonly isCurrent: boolean;
  /** Resolves once all is here that anybody was told of so far. */
  caughtUp(signal: AbortSignal): Promise<void>;
  count(state: NativeState): number;
  stateOf(taskId: string): NativeState | undefined;
  progress(now?: number): Progress;
  /** What this process did, or heard of. */
  apply(changes: readonly TaskChange[]): void;
  /** The number of tasks there will be, once no submission is under way: then the log can end. */
  expect(tasks: number): void;
}

/** Where ends go. */
export interface EndsLog extends CompletionLog<Completion> {
  append(ends: readonly Completion[]): void;
  finish(): void;
  /** Takes a finish back where a task goes on; without it such a log is outdated. */
  goOn?(): void;
  fail(error: Error): void;
}

export class SessionLog implements FollowedSession {
  readonly log: EndsLog;
  readonly #ranks: TaskRanks;
  #outdated = false;

  /** @param log default: one in memory, of that name */
  constructor(
    log: string | EndsLog,
    private readonly appended: (completions: readonly Completion[]) => void = () => undefined,
    private readonly clock: Clock = systemClock,
  ) {
    this.log = typeof log === 'string' ? new AppendLog(log, {}, new CompletionColumns()) : log;
    this.#ranks = new TaskRanks(clock.now(), () => clock.now());
  }

  get tasks(): number {
    return this.#ranks.size;
  }

  get terminal(): number {
    return nativeStates.filter(isLast).reduce((sum, state) => sum + this.count(state), 0);
  }

  /** What the sources of the session find out by themselves. */
  get known(): KnownTasks {
    return this.#ranks;
  }

  get outdated(): boolean {
    return this.#outdated;
  }

  get isCurrent(): boolean {
    return true;
  }

  caughtUp(): Promise<void> {
    return Promise.resolve();
  }

  count(state: NativeState): number {
    return this.#ranks.count(state);
  }

  stateOf(taskId: string): NativeState | undefined {
    return this.#ranks.stateOf(taskId);
  }

  get expected(): number | undefined {
    return this.#ranks.expected;
  }

  /** @param isTold true for ends that are in the log from before this process knew of the session */
  apply(
    changes: readonly TaskChange[],
    seenAt: number = this.clock.now(),
    isTold: (end: Completion) => boolean = () => false,
  ): void {
    const news = changes.filter((change) => this.#ranks.advance(change));
    const completions = news
      .filter(({ state }) => isLast(state))
      .map((change) => completionOf(change, seenAt))
      .filter((end) => !isTold(end));
    const over = this.log.complete || this.log.lost !== undefined;
    if (over) this.#outdated ||= news.length > 0;
    else this.log.append(completions);
    if (completions.length > 0) this.appended(completions);
    this.#settle();
  }

  expect(tasks: number): void {
    this.#ranks.expected = tasks;
    this.#settle();
  }

  counts(): ReadonlyMap<WorkState, number> {
    return new Map(nativeStates.map((state) => [workState(state), this.count(state)]));
  }

  progress(now: number = this.clock.now()): Progress {
    return progressIn(this.log, this.counts(), now);
  }

  #settle(): void {
    const { expected } = this.#ranks;
    if (expected === undefined) return;
    if (this.terminal >= expected) this.log.finish();
    else this.log.goOn?.();
  }
}

/** Counts with the rate of the log's last entries. */
export function progressIn(
  log: CompletionLog<Completion>,
  counts: ReadonlyMap<WorkState, number>,
  now: number,
): Progress {
  const recent = log
    .read(Math.max(log.start, log.end - rateEntries), rateEntries)
    .filter(({ seenAt }) => seenAt > now - rateWindowMs);
  let open = 0;
  for (const [state, count] of counts) if (!isTerminal(state)) open += count;
  const [first] = recent;
  const spanMs = first === undefined ? 0 : now - first.seenAt;
  // Two completions and a second are the least that make a rate.
  if (recent.length < 2 || spanMs < 1000 || open === 0)
    return progressOf(counts, { ratePerMinute: null, etaAt: null });
  const perMs = recent.length / spanMs;
  return progressOf(counts, {
    ratePerMinute: perMs * 60_000,
    etaAt: Math.round(now + open / perMs),
  });
}
