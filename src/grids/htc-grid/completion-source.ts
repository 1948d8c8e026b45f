/** Where a grid's changes come from: events of this process, what the grid pushes, a poll. */
import type { ChangeSink, TaskChange } from './change.js';
import type { KnownTasks } from './task-ranks.js';

/** Who follows a session: all of its sources tell the same one. */
export interface Follower {
  readonly known: KnownTasks;
  readonly changes: ChangeSink;
  /** Told once when no source can go on; the log is then lost. */
  readonly lost: (error: Error) => void;
}

export interface CompletionSource {
  /**
   * Begins to tell of one session's changes; resolves when nothing that happens from then on is
   * missed for good. Ends when `signal` is aborted.
   */
  watch(session: string, follower: Follower, signal: AbortSignal): Promise<void>;
}

/** The embedded grid's own events: this process is the only writer, so they are all there is. */
export class ChangeHub implements CompletionSource {
  readonly #sessions = new Map<string, Set<ChangeSink>>();
  readonly #all = new Set<ChangeSink>();

  emit(session: string, changes: readonly TaskChange[]): void {
    for (const sink of this.#all) sink(changes);
    for (const sink of this.#sessions.get(session) ?? []) sink(changes);
  }

  watchAll(changes: ChangeSink): void {
    this.#all.add(changes);
  }

  async watch(session: string, { changes }: Follower, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const sinks = this.#sessions.get(session) ?? new Set();
    this.#sessions.set(session, sinks.add(changes));
    signal.addEventListener(
      'abort',
      () => {
        sinks.delete(changes);
        if (sinks.size === 0 && this.#sessions.get(session) === sinks)
          this.#sessions.delete(session);
      },
      { once: true },
    );
  }
}

/** Several sources of the same changes: what they tell twice is told once by the log behind them. */
export class MergedSource implements CompletionSource {
  constructor(private readonly sources: readonly CompletionSource[]) {}

  async watch(session: string, follower: Follower, signal: AbortSignal): Promise<void> {
    await Promise.all(this.sources.map((source) => source.watch(session, follower, signal)));
  }
}
