/**
 * Hints that tasks may have ended, confirmed by their rows: collected for a moment, read consistently in batches, and read
 * again a few times where the row is not that far yet, since the output is written before it. What is left is found by
 * the poll.
 */
import { pause, type Clock } from '../../../streams/clock.js';
import type { ChangeSink } from '../change.js';
import { changeOf, isLast } from '../change.js';
import type { TableReader } from '../table.js';

export interface ConfirmationSettings {
  readonly reader: TableReader;
  readonly clock: Clock;
  readonly changes: ChangeSink;
  readonly signal: AbortSignal;
}

/** How long hints are collected, then how long a row is waited for. */
const roundsMs = [20, 20, 50, 100, 250, 1000];
/** Tasks that wait for their first or a later read; hints of more are dropped. */
const maxWaiting = 10_000;
const maxBatch = 1000;

export class Confirmation {
  /** Task ids of each round. */
  readonly #rounds = roundsMs.map(() => new Set<string>());
  readonly #running = roundsMs.map(() => false);

  constructor(private readonly settings: ConfirmationSettings) {}

  hint(taskId: string): void {
    this.#add(0, taskId);
  }

  #add(round: number, taskId: string): void {
    const waiting = this.#rounds[round];
    // Behind the last round the poll finds it.
    if (waiting === undefined) return;
    if (this.#size >= maxWaiting) return;
    waiting.add(taskId);
    if (this.#running[round] === true) return;
    this.#running[round] = true;
    void this.#run(round, waiting);
  }

  async #run(round: number, waiting: Set<string>): Promise<void> {
    const { clock, signal } = this.settings;
    while (waiting.size > 0) {
      try {
        await pause(clock, roundsMs[round] ?? 0, signal);
      } catch {
        return;
      }
      const ids = [...waiting].slice(0, maxBatch);
      for (const id of ids) waiting.delete(id);
      await this.#read(round, ids);
    }
    // At once: what is added from now on begins anew.
    this.#running[round] = false;
  }

  async #read(round: number, ids: readonly string[]): Promise<void> {
    const { reader, changes, signal } = this.settings;
    try {
      const rows = await reader.items(ids, signal, { consistent: true });
      const news = [...rows.values()].map(changeOf).filter((change) => change !== undefined);
      if (news.length > 0) changes(news);
      for (const { taskId, state } of news) if (!isLast(state)) this.#add(round + 1, taskId);
    } catch {
      // A table that does not answer is not asked again for a hint.
    }
  }

  get #size(): number {
    return this.#rounds.reduce((sum, { size }) => sum + size, 0);
  }
}
