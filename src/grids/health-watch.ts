/** How the grids are, as it changes: each is asked now and then while somebody watches, once for all who do. */
import { AppendLog } from '../streams/append-log.js';
import { type Clock, pause, systemClock } from '../streams/clock.js';
import type { Changed, ChangingValues } from '../streams/values.js';
import type { AnyGrid, GridHealth } from './grid.js';

export interface HealthWatchSettings {
  /** Milliseconds from one answer of a grid to the next question. @default 5000 */
  readonly everyMs?: number;
  /** Milliseconds after which a question is given up; the grid is then as it was. @default 20_000 */
  readonly deadlineMs?: number;
  readonly clock?: Clock;
}

/** A grid as it was found. */
export interface GridState {
  readonly grid: AnyGrid;
  readonly health: GridHealth;
}

interface Watched {
  readonly state: GridState;
  readonly text: string;
  /** The number of the change that made it so. */
  readonly change: number;
}

export class HealthWatch implements ChangingValues<GridState> {
  readonly #settings: Required<HealthWatchSettings>;
  readonly #watched = new Map<string, Watched>();
  /** The names of grids that changed; its end is the number of the last change. */
  readonly #changes = new AppendLog<string>('health', { limit: 1 });
  #watchers = 0;
  #end: AbortController | undefined;

  constructor(
    private readonly grids: readonly AnyGrid[],
    settings: HealthWatchSettings = {},
  ) {
    this.#settings = { everyMs: 5000, deadlineMs: 20_000, clock: systemClock, ...settings };
  }

  /** Watches until `signal` is aborted. */
  hold(signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#watchers++;
    signal.addEventListener('abort', () => this.#leave(), { once: true });
    if (this.#end !== undefined) return;
    this.#end = new AbortController();
    for (const grid of this.grids) void this.#watch(grid, this.#end.signal);
  }

  get name(): string {
    return this.#changes.name;
  }
  get epoch(): string {
    return this.#changes.epoch;
  }

  /** Grids that changed after a change; all that were asked, after 0. */
  since(change: number): {
    readonly values: readonly Changed<GridState>[];
    readonly change: number;
  } {
    const news = [...this.#watched.values()]
      .filter((one) => one.change > change)
      .sort((a, b) => a.change - b.change);
    return {
      values: news.map(({ state, change: made }) => ({ value: state, change: made })),
      change: this.#changes.end,
    };
  }

  changed(change: number, signal: AbortSignal): Promise<void> {
    return this.#changes.changed(change, signal);
  }

  #leave(): void {
    if (--this.#watchers > 0) return;
    this.#end?.abort(new Error('Nobody watches any more.'));
    this.#end = undefined;
    // Who comes later is told how the grids are then.
    this.#watched.clear();
  }

  async #watch(grid: AnyGrid, signal: AbortSignal): Promise<void> {
    const { everyMs, deadlineMs, clock } = this.#settings;
    while (!signal.aborted) {
      const deadline = new AbortController();
      const cancel = clock.after(deadlineMs, () => deadline.abort(new Error('It took too long.')));
      try {
        const health = await grid.health(AbortSignal.any([signal, deadline.signal]));
        if (!signal.aborted) this.#found({ grid, health });
      } catch {
        // Health never throws unless nobody waits for it; what can't be told leaves all as it was.
      } finally {
        cancel();
      }
      await pause(clock, everyMs, signal).catch(() => undefined);
    }
  }

  #found(state: GridState): void {
    const { name } = state.grid;
    const text = textOf(state.health);
    if (this.#watched.get(name)?.text === text) return;
    this.#watched.set(name, { state, text, change: this.#changes.end + 1 });
    this.#changes.append([name]);
  }
}

/** What a change is: another status of the grid, or of one of its components. Counts and words come and go. */
const textOf = ({ status, components }: GridHealth): string =>
  JSON.stringify([status, components.map((one) => [one.name, one.status])]);
