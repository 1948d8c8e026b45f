/** The logs of a pool: followed from the first who asks until a while after the last one has left. */
import { access, constants } from 'node:fs/promises';
import { GridError } from '../../errors.js';
import type { ComponentHealth } from '../grid.js';
import type { JobLogs } from '../job-logs.js';
import { JobRings } from '../job-rings.js';
import type { JobPool } from '../jobs.js';
import { parseDump } from './config-dump.js';
import { Following } from './following.js';
import type { LogPosition } from '../../streams/cursor.js';
import { SharedLogs } from '../../streams/shared/shared-logs.js';
import type { SharedRedis } from '../../replicas/shared-redis.js';
import type { HistoryTail } from './history-tail.js';
import type { Pool } from './pool.js';
import type { Schedds } from './schedds.js';

export interface EventLogSettings {
  /** The file, as this server can read it. */
  readonly path: string;
  /** Full names of the schedds that write into it. Default: the host's own, or the only one. */
  readonly schedds?: readonly string[] | undefined;
}

export interface JobLogsSettings {
  /**
   * The pool's event log; false: poll instead. Default: where the commands run on this host without a
   * prefix, the EVENT_LOG of HTCondor's configuration.
   */
  readonly eventLog?: EventLogSettings | false | undefined;
  /** Milliseconds for which the pool is followed on after the last one has left. @default 60_000 */
  readonly lingerMs?: number | undefined;
  /** Milliseconds between looks for ends that the event log did not tell of. @default 30_000 */
  readonly reconcileMs?: number | undefined;
  /** Milliseconds after which an ended job that is neither in queue nor history is LOST. @default 60_000 */
  readonly lostAfterMs?: number | undefined;
  /** Ends that are kept for who follows. @default 50_000 */
  readonly maxCompletions?: number | undefined;
  /** What this server shares with its replicas; not stopped with the pool. */
  readonly replicas?: SharedRedis | undefined;
}

interface Source {
  readonly path: string | undefined;
  /** Why there is none. */
  readonly reason: string;
}

export class PoolLogs implements JobLogs {
  readonly #rings: JobRings;
  readonly #shared: SharedLogs | undefined;
  readonly #tails = new Map<string, HistoryTail>();
  #following: Promise<Following> | undefined;
  /** The same once it has begun. */
  #current: Following | undefined;
  readonly #stop = new AbortController();
  /** Ended before another begins: they share the tails. */
  #ending: Promise<void> = Promise.resolve();
  #holders = 0;
  /** What ends each of them. */
  readonly #held = new WeakSet<AbortSignal>();
  #linger: NodeJS.Timeout | undefined;
  #found: Promise<Source> | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly schedds: Schedds,
    find: JobPool['findJobs'],
    /** Whether the commands run on this very host, so that its paths are this server's. */
    private readonly here: boolean,
    private readonly settings: JobLogsSettings,
  ) {
    const { maxCompletions, replicas } = settings;
    this.#shared = replicas && new SharedLogs(replicas);
    this.#rings = new JobRings({
      gridName: pool.name,
      find,
      shared: this.#shared,
      ...(maxCompletions !== undefined && { maxCompletions }),
    });
  }

  async events(signal: AbortSignal, after: readonly LogPosition[] = []) {
    await this.#hold(signal, { ends: false });
    const { events } = this.#rings;
    const { mark, epoch } = after.find(({ log }) => log === events.name) ?? {};
    if (mark !== undefined && epoch !== events.epoch) {
      await (await this.#following)?.recall(mark);
      signal.throwIfAborted();
    }
    return events;
  }

  async completions(signal: AbortSignal, projection?: Parameters<JobRings['want']>[0]) {
    if (projection !== undefined) this.#rings.want(projection, signal);
    await this.#hold(signal);
    return this.#rings.completions;
  }

  rows: JobLogs['rows'] = (of, projection) => this.#rings.rows(of, projection);

  async position(signal: AbortSignal) {
    const held = new AbortController();
    try {
      await this.#hold(AbortSignal.any([signal, held.signal]));
      return this.#rings.position();
    } finally {
      held.abort();
    }
  }

  async settled(schedd: string, signal: AbortSignal): Promise<void> {
    await (await this.#following)?.settled(schedd, signal);
  }

  async health(): Promise<ComponentHealth> {
    const { eventLog } = this.settings;
    const trouble = (why: string): ComponentHealth => ({
      name: 'job events',
      // Where nobody asked for an event log, polling is how it is meant.
      status: eventLog === undefined || eventLog === false ? 'OK' : 'DEGRADED',
      detail: why,
      count: this.#holders,
    });
    const { path, reason } = await this.#source().catch((error: Error) => ({
      path: undefined,
      reason: error.message,
    }));
    const state = this.#current?.state;
    const polls = `polls queue and history${state?.pollMs ? ` every ${state.pollMs} ms` : ' while followed'}`;
    if (path === undefined) return trouble(`No event log (${reason}): ${polls}.`);
    const why =
      state === undefined
        ? await access(path, constants.R_OK).then(
            () => undefined,
            (error: Error) => error.message,
          )
        : state.trouble;
    if (why !== undefined) {
      return trouble(`The event log ${path} can't be read (${why}): ${polls}.`);
    }
    const lag =
      state?.lagMs === undefined ? '' : `; the last event was read after ${state.lagMs} ms`;
    const others = state?.pollMs === undefined ? '' : `; for other schedds ${polls}`;
    return {
      name: 'job events',
      status: 'OK',
      detail: `Event log ${path}${state === undefined ? ', not followed now' : ''}${lag}${others}.`,
      count: this.#holders,
    };
  }

  async stop(): Promise<void> {
    this.#stop.abort(new GridError('UNAVAILABLE', 'The grid has been stopped.'));
    clearTimeout(this.#linger);
    this.#end();
    await this.#ending;
    this.#rings.stop();
    await this.#shared?.stop();
  }

  /** Followed until `signal` is aborted; resolves when what happens from now on is told. */
  async #hold(signal: AbortSignal, { ends = true } = {}): Promise<void> {
    signal.throwIfAborted();
    this.#stop.signal.throwIfAborted();
    const leave = this.#enter(signal);
    const following = (this.#following ??= this.#open());
    try {
      // The log of ends may have been lost with its Redis since. Events need none.
      const until = AbortSignal.any([signal, this.#stop.signal]);
      await Promise.all([following, ends && this.#rings.begin(until)]);
    } catch (error) {
      leave();
      throw error;
    }
    signal.throwIfAborted();
  }

  /** Who holds counts once, however often it asks; what this gives back is how it leaves. */
  #enter(signal: AbortSignal): () => void {
    if (this.#held.has(signal)) return () => undefined;
    clearTimeout(this.#linger);
    this.#held.add(signal);
    this.#holders += 1;
    const leave = (): void => {
      if (!this.#held.delete(signal)) return;
      signal.removeEventListener('abort', leave);
      this.#holders -= 1;
      if (this.#holders > 0 || this.#stop.signal.aborted) return;
      this.#linger = setTimeout(() => this.#end(), this.settings.lingerMs ?? 60_000);
      this.#linger.unref();
    };
    signal.addEventListener('abort', leave, { once: true });
    return leave;
  }

  /** Who comes next tries anew where it fails; what has begun ends when the last one has left. */
  #open(): Promise<Following> {
    const following = this.#begin();
    following.then(
      (current) => {
        if (this.#following === following) this.#current = current;
      },
      () => {
        if (this.#following === following) this.#following = undefined;
      },
    );
    return following;
  }

  async #begin(): Promise<Following> {
    await this.#ending;
    const { path } = await this.#source();
    const { reconcileMs, lostAfterMs, eventLog } = this.settings;
    const writers = eventLog ? eventLog.schedds : undefined;
    const { signal } = this.#stop;
    this.#rings.beginEvents();
    const isRead = await this.#rings.begin(signal).then(
      () => true,
      () => false,
    );
    const following = new Following(this.pool, this.schedds, this.#tails, this.#rings, {
      ...{ path, writers, reconcileMs, lostAfterMs, signal },
    });
    try {
      await following.begin();
    } catch (error) {
      await following.stop();
      await this.#rings.giveUp();
      throw error;
    }
    if (!isRead) void this.#rings.begun(following.signal).then(following.resume, () => undefined);
    return following;
  }

  #end(): void {
    const ended = this.#following;
    this.#following = undefined;
    this.#current = undefined;
    this.#ending = Promise.all([
      this.#ending,
      ended?.then(
        (following) => following.stop(),
        () => undefined,
      ),
    ]).then(() => this.#rings.rest());
  }

  #source(): Promise<Source> {
    this.#found ??= this.#find().catch((error: unknown) => {
      this.#found = undefined;
      throw error;
    });
    return this.#found;
  }

  async #find(): Promise<Source> {
    const { eventLog } = this.settings;
    if (eventLog === false) return { path: undefined, reason: 'switched off by eventLog' };
    if (eventLog !== undefined) return { path: eventLog.path, reason: '' };
    if (!this.here) {
      return { path: undefined, reason: 'set eventLog.path where this server can read it' };
    }
    const dump = { program: 'condor_config_val', args: ['-dump', '-expanded'] } as const;
    const { signal } = this.#stop;
    const text = (await this.pool.runner.collect(dump, signal)).toString('utf8');
    const found = parseDump(text).find(({ name }) => name.toUpperCase() === 'EVENT_LOG');
    const path = found?.value.trim();
    return path ? { path, reason: '' } : { path: undefined, reason: 'EVENT_LOG is not set' };
  }
}
