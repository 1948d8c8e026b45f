/**
 * The best source of changes that works: what the grid pushes, in order of preference, and the poll beside it or alone. A
 * better one is tried now and then; while it is being attached the present one goes on, and at each change every
 * followed session is read anew, so nothing is lost between two sources.
 */
import { asGridError, GridError } from '../../../errors.js';
import { pause, systemClock, type Clock } from '../../../streams/clock.js';
import type { ChangeSink, TaskChange } from '../change.js';
import type { CompletionSource, Follower } from '../completion-source.js';
import type { Component } from '../health.js';
import type { PollSource } from '../poll-source.js';
import { Followers } from './followers.js';
import { GridPlace } from './grid-place.js';
import type { Push, PushKind } from './push.js';
import { sourceHealth } from './source-health.js';
import { Trial } from './trial.js';

export type SourceChoice = 'AUTO' | PushKind | 'POLL';

export interface ChosenSourceSettings {
  readonly poll: PollSource;
  /** Best first. */
  readonly pushes: readonly Push[];
  /** The one to be used; where it does not work there is the poll alone. @default 'AUTO' */
  readonly choice?: SourceChoice;
  /** Every change of the grid, while the source tells of every change. */
  readonly all?: ChangeSink;
  /** Of changes that `all` was to have some are missing: nobody wanted them, or they could not be read any more. */
  readonly interrupted?: () => void;
  /** Longest pause before a source that did not work is tried again. @default 30_000 */
  readonly probeMs?: number;
  /** How long a session waits for the first source before it is polled meanwhile. @default 3000 */
  readonly attachMs?: number;
  /** How long the source stays attached after the last one has gone. @default 60_000 */
  readonly lingerMs?: number;
  readonly clock?: Clock;
}

/** Attachments that take longer have failed. */
const longestAttachMs = 15_000;
/** What was missed is looked for at most so often. */
const missedMs = 2000;

/** The life of the source while somebody follows. */
interface Life {
  readonly end: AbortController;
  /** Resolves once a source was chosen for the first time. */
  readonly begun: Promise<void>;
}

interface Present {
  readonly trial: Trial;
  readonly end: AbortController;
  readonly attachedAt: number;
}

export class ChosenSource implements CompletionSource {
  readonly #settings: Required<ChosenSourceSettings>;
  readonly #trials: readonly Trial[];
  readonly #followers = new Followers();
  #holders = 0;
  #life: Life | undefined;
  #present: Present | undefined;
  readonly #gridPlace: GridPlace;
  #rewinding: Promise<void> | undefined;
  #since = 0;
  #linger: (() => void) | undefined;
  #missed: (() => void) | undefined;
  #isDue = false;
  #wake: () => void = () => undefined;
  #stopped = false;

  constructor(settings: ChosenSourceSettings) {
    this.#settings = {
      choice: 'AUTO',
      all: () => undefined,
      interrupted: () => undefined,
      probeMs: 30_000,
      attachMs: 3000,
      lingerMs: 60_000,
      clock: systemClock,
      ...settings,
    };
    const { choice, pushes } = this.#settings;
    this.#gridPlace = new GridPlace(this.#settings);
    this.#trials = pushes
      .filter(({ kind }) => choice === 'AUTO' || choice === kind)
      .map((push) => new Trial(push, this.#settings));
  }

  /** True while every change of the grid is told, of sessions that nobody follows as well. */
  get gridWide(): boolean {
    return this.#present?.trial.push.beside === 'STREAM';
  }

  /** How far every change has been told; undefined where it is not. */
  get place(): string | undefined {
    return this.#gridPlace.isDue ? undefined : this.#present?.trial.push.place;
  }

  follows(session: string): boolean {
    return this.#followers.has(session);
  }

  async watch(session: string, follower: Follower, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#followers.add(session, follower, signal);
    await this.hold(signal);
    await this.#settings.poll.watch(session, follower, signal);
  }

  /**
   * The same for who wants every change of the grid.
   * @param from a place: what happened behind it is told, also where that was told before
   */
  async holdAll(signal: AbortSignal, from?: string): Promise<void> {
    signal.throwIfAborted();
    this.#gridPlace.want(signal, from);
    await this.hold(signal);
  }

  /** Keeps the source attached, also where no session is followed; resolves once there is one. */
  async hold(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#stopped) throw new GridError('UNAVAILABLE', 'The grid has been stopped.');
    const { clock, attachMs, lingerMs } = this.#settings;
    this.#linger?.();
    this.#holders++;
    const leave = () => {
      if (--this.#holders > 0 || this.#stopped) return;
      this.#linger = clock.after(lingerMs, () => {
        this.#end();
        this.#settings.interrupted();
      });
    };
    signal.addEventListener('abort', leave, { once: true });
    const { begun } = (this.#life ??= this.#begin());
    const limit = new AbortController();
    try {
      const late = pause(clock, attachMs, AbortSignal.any([signal, limit.signal]));
      await Promise.race([begun.then(() => this.#rewind()), late]);
    } finally {
      limit.abort();
    }
    signal.throwIfAborted();
  }

  stop(): void {
    this.#stopped = true;
    this.#linger?.();
    this.#end();
  }

  get component(): Component {
    return {
      name: 'completion source',
      check: async () =>
        sourceHealth({
          choice: this.#settings.choice,
          order: this.#trials.map(({ push }) => push),
          present: this.#present?.trial.push,
          better: this.#better(),
          since: this.#life === undefined ? undefined : this.#since,
          pace: this.#settings.poll.pace,
          followed: this.#followers.size,
        }),
    };
  }

  /** Those that would be taken before the present one. */
  #better(): readonly Trial[] {
    const at = this.#trials.findIndex((trial) => trial === this.#present?.trial);
    return at < 0 ? this.#trials : this.#trials.slice(0, at);
  }

  #begin(): Life {
    const end = new AbortController();
    this.#since = this.#settings.clock.now();
    const begun = this.#improve(end.signal);
    void begun.then(() => this.#run(end.signal)).catch(() => undefined);
    return { end, begun: begun.catch(() => undefined) };
  }

  #end(): void {
    this.#life?.end.abort(new GridError('UNAVAILABLE', 'Nobody follows the grid any more.'));
    this.#life = undefined;
    this.#missed?.();
    this.#missed = undefined;
    this.#leave();
    this.#gridPlace.forget();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#settings;
    for (;;) {
      signal.throwIfAborted();
      const due = Math.min(...this.#better().map(({ retryAt }) => retryAt));
      const woken = new AbortController();
      this.#wake = () => {
        woken.abort();
      };
      const until = AbortSignal.any([signal, woken.signal]);
      // With the best one there is nothing to wait for but its end.
      const waitMs = Math.min(2 ** 31 - 1, Math.max(0, due - clock.uptime()));
      await pause(clock, waitMs, until).catch(() => undefined);
      await this.#improve(signal);
    }
  }

  /** Attaches the first source that works of those that are better than the present one. */
  async #improve(signal: AbortSignal): Promise<void> {
    for (const trial of this.#better()) {
      if (trial.retryAt > this.#settings.clock.uptime()) continue;
      const end = new AbortController();
      try {
        await this.#attach(trial, end, AbortSignal.any([signal, end.signal]));
      } catch (error) {
        end.abort(error);
        signal.throwIfAborted();
        trial.failed(error);
        continue;
      }
      return;
    }
  }

  /** The source that was attached before a place was given begins there anew. */
  #rewind(): Promise<void> {
    const present = this.#present;
    const life = this.#life;
    if (!this.#gridPlace.isDue || !life || present?.trial.push.beside !== 'STREAM')
      return Promise.resolve();
    this.#rewinding ??= this.#again(present, life).finally(() => {
      this.#rewinding = undefined;
    });
    return this.#rewinding;
  }

  async #again(present: Present, life: Life): Promise<void> {
    const end = new AbortController();
    try {
      await this.#attach(present.trial, end, AbortSignal.any([life.end.signal, end.signal]));
    } catch (error) {
      end.abort(error);
      this.#lost(present.end, asGridError(error));
    }
  }

  async #attach(trial: Trial, end: AbortController, signal: AbortSignal): Promise<void> {
    const { clock, poll } = this.#settings;
    const { push } = trial;
    const beginning = push.beside === 'STREAM' ? this.#gridPlace.begin() : undefined;
    const sink = {
      changes: (changes: readonly TaskChange[]) => {
        this.#tell(changes, push);
      },
      missed: () => {
        this.#look(push);
      },
      lost: (error: Error) => {
        end.abort(error);
        this.#lost(end, error);
      },
    };
    const limit = clock.after(longestAttachMs, () => {
      end.abort(
        new GridError('TIMED_OUT', `It was not attached in ${String(longestAttachMs)} ms.`),
      );
    });
    try {
      await Promise.race([push.attach(sink, signal, beginning?.place), aborted(signal)]);
      // It may have ended as soon as it was attached.
      signal.throwIfAborted();
    } finally {
      limit();
    }
    beginning?.done();
    const before = this.#present;
    this.#present = { trial, end, attachedAt: clock.uptime() };
    this.#since = clock.now();
    trial.works();
    before?.end.abort();
    poll.again(push.beside);
  }

  /** A source that has ended is left for the next best; first of all for the poll. */
  #lost(end: AbortController, error: Error): void {
    const { clock } = this.#settings;
    const present = this.#present;
    // The same source may have been attached anew since.
    if (present?.end !== end || this.#life === undefined) return;
    present.trial.failed(error, clock.uptime() - present.attachedAt);
    this.#leave();
    this.#since = clock.now();
    this.#wake();
  }

  #leave(): void {
    const present = this.#present;
    const place = this.place;
    this.#present = undefined;
    if (place !== undefined && this.#life !== undefined) this.#gridPlace.left(place);
    present?.end.abort();
    if (present !== undefined) this.#settings.poll.again('NOTHING');
  }

  #tell(changes: readonly TaskChange[], { beside }: Push): void {
    if (beside === 'STREAM') this.#settings.all(changes);
    this.#followers.tell(changes);
  }

  /** One look at once, and one for all that is missed for a while behind it. */
  #look(push: Push): void {
    const { clock, poll, interrupted } = this.#settings;
    if (this.#life === undefined) return;
    this.#isDue = this.#missed !== undefined;
    if (this.#isDue) return;
    poll.again();
    // No look finds that of sessions which nobody follows.
    if (push.beside === 'STREAM') interrupted();
    this.#missed = clock.after(missedMs, () => {
      this.#missed = undefined;
      if (this.#isDue) this.#look(push);
    });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const leave = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}
