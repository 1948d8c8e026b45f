/**
 * The place from which a whole grid is told: as long as somebody wants every change, the next source goes on where the
 * one before ended; where that can't be, it is said that some are missing.
 */
import type { Clock } from '../../../streams/clock.js';

/** How long a source that is away is gone on with where it was; behind that with what is news then. */
export const longestBackMs = 600_000;

export interface GridPlaceSettings {
  readonly clock: Clock;
  /** Of all changes some are missing. */
  readonly interrupted: () => void;
}

/** Where a source that tells of every change begins. */
export interface Beginning {
  /** Undefined where that was too long ago. */
  readonly place: string | undefined;
  /** It has begun there. */
  readonly done: () => void;
}

export class GridPlace {
  #wanted = 0;
  /** Where the next source is to begin, if it is there by then. */
  #next: { readonly place: string; readonly until: number } | undefined;

  constructor(private readonly settings: GridPlaceSettings) {}

  /** True while no source has begun where one is to. */
  get isDue(): boolean {
    return this.#next !== undefined;
  }

  /**
   * Every change is wanted until `signal` is aborted.
   * @param from what happened behind it is told, also where that was told before
   */
  want(signal: AbortSignal, from?: string): void {
    this.#wanted++;
    signal.addEventListener('abort', () => this.#wanted--, { once: true });
    if (from !== undefined) this.#goFrom(from);
  }

  begin(): Beginning | undefined {
    const from = this.#next;
    if (from === undefined) return undefined;
    const isThere = from.until > this.settings.clock.uptime();
    return {
      place: isThere ? from.place : undefined,
      done: () => {
        // Another one may have been asked for meanwhile.
        if (from === this.#next) this.#next = undefined;
        if (!isThere) this.settings.interrupted();
      },
    };
  }

  /** A source that had told so far has ended, and another is to come. */
  left(place: string): void {
    if (this.#wanted > 0) this.#goFrom(place);
    else this.settings.interrupted();
  }

  /** No other source is to come. */
  forget(): void {
    this.#next = undefined;
  }

  #goFrom(place: string): void {
    this.#next = { place, until: this.settings.clock.uptime() + longestBackMs };
  }
}
