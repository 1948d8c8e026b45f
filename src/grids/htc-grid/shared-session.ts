/**
 * A session whose log replicas share. The one that has the lease follows it in the table and writes what it finds,
 * with the counts of its tasks; each of them knows what was written.
 */
import { GridError } from '../../errors.js';
import type { SharedLog, SharedLogs } from '../../streams/index.js';
import type { Clock } from '../../streams/clock.js';
import type { LogTerm } from '../../streams/shared/term.js';
import type { Progress, WorkState } from '../state.js';
import { readable } from '../readable.js';
import type { Completion } from '../tasks.js';
import type { TaskChange } from './change.js';
import { CompletionColumns } from './completion-columns.js';
import { completionCodec } from './completion-codec.js';
import { buildSession, type SessionParts } from './session-build.js';
import { type EndsLog, type FollowedSession, progressIn, SessionLog } from './session-log.js';
import type { NativeState } from './status.js';
import { nativeStates, workState } from './status.js';

export interface SharedSessionSettings extends SessionParts {
  readonly session: string;
  readonly name: string;
  readonly shared: SharedLogs;
  readonly clock: Clock;
  /** Hears of ends as they are read. */
  readonly heard: (completions: readonly Completion[], isNews: boolean) => void;
}

const pageEntries = 1000;
/** How long another replica may take to read a session; the reads of this one have limits of their own. */
const buildMs = 120_000;

export class SharedSession implements FollowedSession {
  readonly log: SharedLog<Completion>;
  /** What this replica finds out, while it has the lease; its own once that is as the table is. */
  #found: SessionLog | undefined;
  #own: SessionLog | undefined;
  #counts: { readonly note: string; readonly byState: ReadonlyMap<NativeState, number> } = {
    note: '',
    byState: new Map(),
  };

  constructor(private readonly settings: SharedSessionSettings) {
    const { shared, name, heard } = settings;
    this.log = shared.open<Completion>(name, {
      ...{ codec: completionCodec, entries: new CompletionColumns(), heard },
    });
    this.log.lead({
      run: (term) => this.#lead(term),
      note: () => (this.#own === undefined ? this.log.note : noteOf(this.#own)),
    });
  }

  /** Resolves when the log has what the table has, or another replica sees to that. */
  async built(signal: AbortSignal): Promise<void> {
    await readable(this.log, signal);
    await this.#written(signal);
  }

  caughtUp(signal: AbortSignal): Promise<void> {
    return this.log.caughtUp(signal);
  }

  /** A log that replicas share goes on by itself when a task of a complete session does. */
  get outdated(): boolean {
    return false;
  }

  get isCurrent(): boolean {
    return this.log.isCurrent;
  }

  get tasks(): number {
    return nativeStates.reduce((sum, state) => sum + this.count(state), 0);
  }

  count(state: NativeState): number {
    return this.#own?.count(state) ?? this.#noted().get(state) ?? 0;
  }

  /** As the replica that has the lease knows it. */
  stateOf(taskId: string): NativeState | undefined {
    return this.#own?.stateOf(taskId);
  }

  progress(now: number = this.settings.clock.now()): Progress {
    const counts = nativeStates.map((state): [WorkState, number] => [
      workState(state),
      this.count(state),
    ]);
    return progressIn(this.log, new Map(counts), now);
  }

  /** Another replica that has the lease hears of it from its source. */
  apply(changes: readonly TaskChange[]): void {
    this.#found?.apply(changes);
  }

  expect(tasks: number): void {
    this.#found?.expect(tasks);
  }

  async #lead(term: LogTerm<Completion>): Promise<void> {
    const { session, clock } = this.settings;
    const state = new SessionLog(this.#endsOf(term), undefined, clock);
    this.#found = state;
    const told = this.#told();
    try {
      await new Promise<void>((resolve, reject) => {
        const over = () => {
          resolve();
        };
        term.signal.addEventListener('abort', over, { once: true });
        const building = { lost: reject, rebuild: true, told, clock };
        buildSession(session, state, this.settings, building, term.signal)
          .then(() => term.written())
          .then(() => {
            told.clear();
            this.#own = state;
            // The first note says that the log is built.
            term.noted();
          })
          .catch((error: unknown) => {
            reject(error instanceof Error ? error : new Error(String(error)));
          });
      });
    } finally {
      this.#found = this.#own = undefined;
    }
  }

  /** For so long at most while it is not up to this replica. */
  async #written(signal: AbortSignal): Promise<void> {
    const { log } = this;
    const late = new AbortController();
    let cancel = () => {};
    const begin = () => {
      cancel = this.settings.clock.after(buildMs, () => {
        if (log.leads) return begin();
        const message = `No replica has read the session in ${buildMs / 1000} s. Try again.`;
        late.abort(new GridError('UNAVAILABLE', message));
      });
    };
    begin();
    const isWritten = () => log.note !== '' && (!log.leads || this.#own !== undefined);
    try {
      await log.until(isWritten, AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  }

  /** The last end of each task in the log. */
  #told(): Map<string, Completion> {
    const { log } = this;
    const told = new Map<string, Completion>();
    for (let at = log.start; at < log.end; at += pageEntries)
      for (const completion of log.read(at, pageEntries)) told.set(completion.taskId, completion);
    return told;
  }

  /** A log that was complete goes on when a task changes: who comes back to its end is told. */
  #endsOf(term: LogTerm<Completion>): EndsLog {
    const { log } = this;
    return {
      name: log.name,
      epoch: log.epoch,
      start: 0,
      end: 0,
      complete: false,
      lost: undefined,
      read: (position, limit) => log.read(position, limit),
      changed: (position, signal) => log.changed(position, signal),
      append: (ends) => {
        term.append(ends);
      },
      finish: () => {
        term.finish();
      },
      goOn: () => {
        term.goOn();
      },
      fail: (error) => {
        log.fail(error);
      },
    };
  }

  #noted(): ReadonlyMap<NativeState, number> {
    const { note } = this.log;
    if (this.#counts.note !== note) this.#counts = { note, byState: countsIn(note) };
    return this.#counts.byState;
  }
}

const noteOf = (state: SessionLog): string =>
  nativeStates.map((name) => String(state.count(name))).join(' ');

function countsIn(note: string): ReadonlyMap<NativeState, number> {
  const counts = note.split(' ').map(Number);
  return new Map(nativeStates.map((state, index) => [state, counts[index] ?? 0]));
}
