/**
 * The logs of the sessions that are followed or active: in the memory of this process, rebuilt from the table where
 * they are not there any more, or shared with its replicas.
 */
import { GridError } from '../../errors.js';
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import type { CompletionLog } from '../../streams/log.js';
import type { SharedLogs } from '../../streams/shared/shared-logs.js';
import type { Completion } from '../tasks.js';
import type { AllEnds } from './everything.js';
import { buildSession, type SessionParts } from './session-build.js';
import { type FollowedSession, SessionLog } from './session-log.js';
import { SharedSession } from './shared-session.js';

export interface SessionLogsSettings extends SessionParts {
  readonly grid: string;
  /** Logs kept; the longest unused one that nobody holds goes first. @default 256 */
  readonly maxLogs?: number;
  /** Tasks in all kept logs together, at most 40 bytes each; the same rule. @default 1_000_000 */
  readonly maxTasks?: number;
  /**
   * How long a log that nobody holds is still fed, so that a client can come back to its position;
   * undefined where feeding it costs nothing.
   */
  readonly lingerMs?: number;
  /** Is told what the logs are told, and ends with them. */
  readonly everything: AllEnds;
  /** Where the logs are shared with the replicas of this server. */
  readonly shared?: SharedLogs | undefined;
  readonly clock?: Clock;
}

interface Kept {
  readonly session: string;
  readonly state: FollowedSession;
  readonly built: Promise<void>;
  readonly end: AbortController;
  /** How each of those that hold it leaves it, by the signal that makes it leave. */
  readonly holders: Map<() => void, AbortSignal>;
  linger: (() => void) | undefined;
}

export class SessionLogs {
  readonly #kept = new Map<string, Kept>();
  /** Logs that are built: until then their counts are not the session's. */
  readonly #ready = new WeakSet<Kept>();
  readonly #stopped = new AbortController();
  /** Shared logs whose lease is being given back. */
  readonly #closing = new Set<Promise<void>>();
  readonly #clock: Clock;

  constructor(private readonly settings: SessionLogsSettings) {
    this.#clock = settings.clock ?? systemClock;
  }

  nameOf(session: string): string {
    return `htc:${this.settings.grid}:${session}`;
  }

  /** What is known of a followed session, without a read. */
  peek(session: string): FollowedSession | undefined {
    const kept = this.#kept.get(session);
    if (kept === undefined || !this.#ready.has(kept)) return undefined;
    return kept.state.log.lost === undefined && kept.state.isCurrent ? kept.state : undefined;
  }

  /** The log of a session; held until `signal` is aborted, so that it is not dropped for another. */
  async follow(session: string, signal: AbortSignal): Promise<CompletionLog<Completion>> {
    signal.throwIfAborted();
    const kept = this.#touch(session) ?? this.#open(session, true);
    kept.linger?.();
    const leave = () => {
      if (!kept.holders.delete(leave)) return;
      const { lingerMs } = this.settings;
      const isKept = this.#kept.get(session) === kept;
      if (kept.holders.size === 0 && isKept && lingerMs !== undefined)
        kept.linger = this.#clock.after(lingerMs, () => {
          this.#drop(kept);
        });
      this.#trim();
    };
    kept.holders.set(leave, signal);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await kept.built;
      await kept.state.caughtUp(signal);
      return kept.state.log;
    } catch (error) {
      signal.removeEventListener('abort', leave);
      leave();
      throw error;
    }
  }

  /** A log for a session that is just being made: there is nothing to rebuild. */
  async begin(session: string): Promise<void> {
    await (this.#touch(session) ?? this.#open(session, false)).built;
  }

  /** The session has so many tasks and no submission is under way: its log, also one that is being built, can end. */
  expect(session: string, tasks: number): void {
    this.#kept.get(session)?.state.expect(tasks);
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new GridError('UNAVAILABLE', 'The grid has been stopped.'));
    for (const kept of this.#kept.values()) this.#drop(kept);
    await Promise.all([...this.#closing, this.settings.everything.stop()]);
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
    const signal = AbortSignal.any([end.signal, this.#stopped.signal]);
    const { shared } = this.settings;
    const { state, built } =
      shared === undefined
        ? this.#begin(session, rebuild, signal)
        : this.#share(session, shared, signal);
    const kept: Kept = { session, state, built, end, holders: new Map(), linger: undefined };
    this.#kept.set(session, kept);
    built.then(
      () => this.#ready.add(kept),
      () => {
        this.#drop(kept);
      },
    );
    this.#trim(kept);
    return kept;
  }

  /** A log in the memory of this process. */
  #begin(session: string, rebuild: boolean, signal: AbortSignal) {
    let isNews = !rebuild;
    const logged = (completions: readonly Completion[]) => {
      this.settings.everything.logged(completions, isNews);
    };
    const state = new SessionLog(this.nameOf(session), logged, this.#clock);
    const lost = (error: Error) => {
      state.log.fail(error);
    };
    const building = { lost, rebuild, clock: this.#clock };
    const built = buildSession(session, state, this.settings, building, signal).then(() => {
      isNews = true;
    });
    return { state, built };
  }

  #share(session: string, shared: SharedLogs, signal: AbortSignal) {
    const { reader, source, everything } = this.settings;
    const state = new SharedSession({
      ...{ session, shared, reader, source },
      name: this.nameOf(session),
      clock: this.#clock,
      expected: (id, of) => this.settings.expected(id, of),
      heard: (completions, isNews) => {
        everything.logged(completions, isNews);
      },
    });
    signal.addEventListener('abort', () => void this.#close(state), { once: true });
    return { state, built: state.built(signal) };
  }

  /** Its lease is free for others. */
  #close(state: SharedSession): Promise<void> {
    const closing = state.log.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return closing;
  }

  /** Drops logs over the limit, the longest unused first; those that somebody holds, or opens now, stay. */
  #trim(opening?: Kept): void {
    let logs = this.#kept.size;
    let tasks = 0;
    for (const { state } of this.#kept.values()) tasks += state.tasks;
    const { maxLogs = 256, maxTasks = 1_000_000 } = this.settings;
    for (const kept of this.#kept.values()) {
      if (logs <= maxLogs && tasks <= maxTasks) return;
      if (kept.holders.size > 0 || kept === opening) continue;
      this.#drop(kept);
      logs--;
      tasks -= kept.state.tasks;
    }
  }

  #drop(kept: Kept): void {
    kept.linger?.();
    // A stream that goes on with another log must not keep this one.
    for (const [leave, signal] of kept.holders) signal.removeEventListener('abort', leave);
    kept.holders.clear();
    if (this.#kept.get(kept.session) === kept) this.#kept.delete(kept.session);
    kept.end.abort(new GridError('UNAVAILABLE', 'The session is no longer followed.'));
  }
}
