/**
 * The logs of the sessions that are followed or active. A log that is not
 * in memory is rebuilt from the table: first the source is attached, then the table is read, and what
 * both tell is merged by how far each task is, so nothing is lost or doubled between the two. What the
 * indexes did not show yet is found by the source's second look (poll-source.ts).
 */
import { GridError } from '../../errors.js';
import type { AppendLog } from '../../streams/append-log.js';
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import type { CompletionLog } from '../../streams/log.js';
import { isTerminal } from '../state.js';
import type { Completion } from '../tasks.js';
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import type { CompletionSource } from './completion-source.js';
import type { Everything } from './everything.js';
import type { TaskItem } from './item.js';
import { SessionLog } from './session-log.js';
import { parseStatus } from './status.js';
import type { TableReader } from './table.js';

export interface SessionLogsSettings {
  readonly grid: string;
  readonly reader: TableReader;
  readonly source: CompletionSource;
  /** How many tasks the session has once no submission is under way; undefined where that is not known. */
  expected(session: string, signal: AbortSignal): Promise<number | undefined>;
  /** Logs kept; the longest unused one that nobody holds goes first. @default 256 */
  readonly maxLogs?: number;
  /** Tasks in all kept logs together, some 200 bytes each; the same rule. @default 1_000_000 */
  readonly maxTasks?: number;
  /**
   * How long a log that nobody holds is still fed, so that a client can come back to its position;
   * undefined where feeding it costs nothing.
   */
  readonly lingerMs?: number;
  /** Is told what the logs are told, and ends with them. */
  readonly everything: Everything;
  readonly clock?: Clock;
}

interface Kept {
  readonly session: string;
  readonly state: SessionLog;
  readonly built: Promise<SessionLog>;
  readonly end: AbortController;
  holders: number;
  linger: (() => void) | undefined;
}

export class SessionLogs {
  readonly #kept = new Map<string, Kept>();
  /** Logs that are built: until then their counts are not the session's. */
  readonly #ready = new WeakSet<Kept>();
  readonly #stopped = new AbortController();
  readonly #clock: Clock;

  constructor(private readonly settings: SessionLogsSettings) {
    this.#clock = settings.clock ?? systemClock;
  }

  /** The ends of all sessions. */
  get everything(): AppendLog<Completion> {
    return this.settings.everything.log;
  }

  nameOf(session: string): string {
    return `htc:${this.settings.grid}:${session}`;
  }

  /** What is known of a followed session, without a read. */
  peek(session: string): SessionLog | undefined {
    const kept = this.#kept.get(session);
    return kept !== undefined && kept.state.log.lost === undefined && this.#ready.has(kept)
      ? kept.state
      : undefined;
  }

  /** The log of a session; held until `signal` is aborted, so that it is not dropped for another. */
  async follow(session: string, signal: AbortSignal): Promise<CompletionLog<Completion>> {
    signal.throwIfAborted();
    const kept = this.#touch(session) ?? this.#open(session, true);
    kept.holders++;
    kept.linger?.();
    const leave = () => {
      kept.holders--;
      const { lingerMs } = this.settings;
      const isKept = this.#kept.get(session) === kept;
      if (kept.holders === 0 && isKept && lingerMs !== undefined)
        kept.linger = this.#clock.after(lingerMs, () => {
          this.#drop(kept);
        });
      this.#trim();
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return (await kept.built).log;
    } catch (error) {
      signal.removeEventListener('abort', leave);
      leave();
      throw error;
    }
  }

  /** A log for a session that is just being made: there is nothing to rebuild. */
  async begin(session: string): Promise<SessionLog> {
    return (this.#touch(session) ?? this.#open(session, false)).built;
  }

  /** The session has so many tasks and no submission is under way: its log, also one that is being built, can end. */
  expect(session: string, tasks: number): void {
    this.#kept.get(session)?.state.expect(tasks);
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new GridError('UNAVAILABLE', 'The grid has been stopped.'));
    for (const kept of this.#kept.values()) this.#drop(kept);
    this.everything.finish();
  }

  #touch(session: string): Kept | undefined {
    const kept = this.#kept.get(session);
    if (kept === undefined) return undefined;
    // A task of a session that was complete has changed: who comes now gets a log with that in it.
    if (kept.state.log.lost !== undefined || kept.state.outdated) {
      this.#drop(kept);
      return undefined;
    }
    this.#kept.delete(session);
    this.#kept.set(session, kept);
    return kept;
  }

  #open(session: string, rebuild: boolean): Kept {
    const end = new AbortController();
    let isNews = !rebuild;
    const logged = (completions: readonly Completion[]) => {
      this.settings.everything.logged(completions, isNews);
    };
    const state = new SessionLog(this.nameOf(session), logged, this.#clock);
    const signal = AbortSignal.any([end.signal, this.#stopped.signal]);
    const built = this.#build(session, state, rebuild, signal);
    const kept: Kept = { session, state, built, end, holders: 0, linger: undefined };
    this.#kept.set(session, kept);
    built.then(
      () => {
        isNews = true;
        this.#ready.add(kept);
      },
      () => {
        this.#drop(kept);
      },
    );
    this.#trim(kept);
    return kept;
  }

  async #build(
    session: string,
    state: SessionLog,
    rebuild: boolean,
    signal: AbortSignal,
  ): Promise<SessionLog> {
    let early: TaskChange[] | undefined = rebuild ? [] : undefined;
    const follower = {
      known: state.known,
      changes: (news: readonly TaskChange[]) => {
        if (early === undefined) state.apply(news);
        else for (const change of news) early.push(change);
      },
      lost: (error: Error) => {
        state.log.fail(error);
      },
    };
    await this.settings.source.watch(session, follower, signal);
    if (early === undefined) return state;
    const expected = await this.settings.expected(session, signal);
    const snapshot = await this.#snapshot(session, signal);
    if (snapshot.length === 0 && early.length === 0 && expected === undefined)
      throw new GridError('NOT_FOUND', `The grid has no session "${session}".`);
    const seenAt = this.#clock.now();
    state.apply(snapshot.sort(byCompletion), seenAt);
    state.apply(early, seenAt);
    early = undefined;
    if (expected !== undefined) state.expect(expected);
    return state;
  }

  /** How far every task of the session is; rows are read of those that ended: their order is by their stamps. */
  async #snapshot(session: string, signal: AbortSignal): Promise<TaskChange[]> {
    const { reader } = this.settings;
    const changes: TaskChange[] = [];
    const add = (items: Iterable<TaskItem>) => {
      for (const item of items) {
        const change = changeOf(item);
        if (change !== undefined) changes.push(change);
      }
    };
    for await (const page of reader.sessionPages(session, undefined, signal)) {
      const ended = page.filter(({ status }) => isTerminal(parseStatus(status).state));
      const rows = await reader.items(
        ended.map((item) => item.taskId),
        signal,
      );
      add(rows.values());
      add(page.filter(({ taskId }) => !rows.has(taskId)));
    }
    return changes;
  }

  /** Drops logs over the limit, the longest unused first; those that somebody holds, or opens now, stay. */
  #trim(opening?: Kept): void {
    let logs = this.#kept.size;
    let tasks = 0;
    for (const { state } of this.#kept.values()) tasks += state.tasks;
    const { maxLogs = 256, maxTasks = 1_000_000 } = this.settings;
    for (const kept of this.#kept.values()) {
      if (logs <= maxLogs && tasks <= maxTasks) return;
      if (kept.holders > 0 || kept === opening) continue;
      this.#drop(kept);
      logs--;
      tasks -= kept.state.tasks;
    }
  }

  #drop(kept: Kept): void {
    kept.linger?.();
    if (this.#kept.get(kept.session) === kept) this.#kept.delete(kept.session);
    kept.end.abort(new GridError('UNAVAILABLE', 'The session is no longer followed.'));
  }
}

const byCompletion = (a: TaskChange, b: TaskChange): number => a.completedAt - b.completedAt;
