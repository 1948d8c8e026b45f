/**
 * What this process knows of one session it follows: how far each task is, counts by state, and the
 * log of its completions. Changes may come twice and in any order; each end is logged once, and another
 * end of the same task with another revision.
 */
import { AppendLog } from '../../streams/append-log.js';
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import type { Progress, WorkState } from '../state.js';
import { progressOf } from '../state.js';
import type { Completion } from '../tasks.js';
import type { TaskChange } from './change.js';
import { completionOf, isLast } from './change.js';
import type { NativeState } from './status.js';
import { nativeStates, workState } from './status.js';
import type { KnownTasks } from './task-ranks.js';
import { TaskRanks } from './task-ranks.js';

/** Completions of the last minute give the rate, but no more of them than this. */
const rateEntries = 2000;
const rateWindowMs = 60_000;

export class SessionLog {
  readonly log: AppendLog<Completion>;
  readonly #ranks: TaskRanks;
  #outdated = false;

  constructor(
    name: string,
    private readonly appended: (completions: readonly Completion[]) => void = () => undefined,
    private readonly clock: Clock = systemClock,
  ) {
    this.log = new AppendLog(name);
    this.#ranks = new TaskRanks(clock.now());
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

  /** True where a task of a log that is over went on: cancelled after its end, or submitted again. */
  get outdated(): boolean {
    return this.#outdated;
  }

  count(state: NativeState): number {
    return this.#ranks.count(state);
  }

  stateOf(taskId: string): NativeState | undefined {
    return this.#ranks.stateOf(taskId);
  }

  apply(changes: readonly TaskChange[], seenAt: number = this.clock.now()): void {
    const news = changes.filter((change) => this.#ranks.advance(change));
    const completions = news
      .filter(({ state }) => isLast(state))
      .map((change) => completionOf(change, seenAt));
    const over = this.log.complete || this.log.lost !== undefined;
    if (over) this.#outdated ||= news.length > 0;
    else this.log.append(completions);
    if (completions.length > 0) this.appended(completions);
    this.#settle();
  }

  /** The number of tasks there will be, once no submission is under way: then the log can end. */
  expect(tasks: number): void {
    this.#ranks.expected = tasks;
    this.#settle();
  }

  counts(): ReadonlyMap<WorkState, number> {
    return new Map(nativeStates.map((state) => [workState(state), this.count(state)]));
  }

  progress(now: number = this.clock.now()): Progress {
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

  #settle(): void {
    const { expected } = this.#ranks;
    if (expected !== undefined && this.terminal >= expected) this.log.finish();
  }
}
