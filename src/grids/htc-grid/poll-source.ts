/**
 * Changes by asking the table: one poll for each followed session however many follow it. The
 * simplest source, and the one that any table allows; quick while things happen, slower when quiet.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asGridError } from '../../errors.js';
import type { ChangeSink, TaskChange } from './change.js';
import { changeOf } from './change.js';
import type { CompletionSource, LossSink } from './completion-source.js';
import type { TableReader } from './table.js';

export interface PollSettings {
  readonly reader: TableReader;
  /** Pause after a poll that brought news. @default 250 */
  readonly fastestMs?: number;
  /** Longest pause; each quiet poll doubles it up to here. @default 5000 */
  readonly slowestMs?: number;
  /** Failed polls in a row after which the source is lost. @default 6 */
  readonly failures?: number;
}

export class PollSource implements CompletionSource {
  readonly #settings: Required<PollSettings>;

  constructor(settings: PollSettings) {
    this.#settings = { fastestMs: 250, slowestMs: 5000, failures: 6, ...settings };
  }

  /** Nothing is missed from the first poll on, because each one sees the whole session. */
  async watch(
    session: string,
    changes: ChangeSink,
    lost: LossSink,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    void this.#run(session, changes, signal).catch((error: unknown) => {
      if (!signal.aborted) lost(asGridError(error));
    });
  }

  async #run(session: string, changes: ChangeSink, signal: AbortSignal): Promise<void> {
    const { fastestMs, slowestMs, failures } = this.#settings;
    const seen = new Map<string, string>();
    let pauseMs = fastestMs;
    let failed = 0;
    while (!signal.aborted) {
      await sleep(pauseMs, undefined, { signal, ref: false });
      try {
        const news = await this.#poll(session, seen, signal);
        if (news.length > 0) changes(news);
        pauseMs = news.length > 0 ? fastestMs : Math.min(slowestMs, pauseMs * 2);
        failed = 0;
      } catch (error) {
        if (signal.aborted || ++failed >= failures) throw error;
        // A table that is out of capacity gets the longest pause: its workers come first.
        pauseMs = slowestMs;
      }
    }
  }

  /** What is new since the last poll; rows are read where the status of the index is news. */
  async #poll(
    session: string,
    seen: Map<string, string>,
    signal: AbortSignal,
  ): Promise<TaskChange[]> {
    const news: TaskChange[] = [];
    for await (const page of this.#settings.reader.sessionPages(session, undefined, signal)) {
      const fresh = page.filter((item) => seen.get(item.taskId) !== item.status);
      const ids = fresh.map((item) => item.taskId);
      for (const item of (await this.#settings.reader.items(ids, signal)).values()) {
        const change = changeOf(item);
        if (change === undefined || seen.get(item.taskId) === item.status) continue;
        seen.set(item.taskId, item.status);
        news.push(change);
      }
    }
    return news;
  }
}
