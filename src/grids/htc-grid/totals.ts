/** How many tasks sessions have: from the registry, else counted by the table once and kept for a while. */
import type { SessionRegistry } from './registry.js';
import type { SessionLogs } from './session-logs.js';
import type { TableReader } from './table.js';

export interface Total {
  readonly tasks: number;
  /** Index entries that were counted for it. */
  readonly scanned: number;
}

/** A session that is still being submitted by others grows: its number is this old at most. */
const keptForMs = 60_000;
const maxKept = 10_000;

export class Totals {
  readonly #kept = new Map<string, { readonly at: number; readonly tasks: number }>();

  constructor(
    private readonly parts: {
      readonly registry: SessionRegistry;
      readonly logs: SessionLogs;
      readonly reader: TableReader;
    },
  ) {}

  async of(session: string, signal: AbortSignal): Promise<Total> {
    const { registry, logs, reader } = this.parts;
    const entry = registry.get(session);
    const known = logs.peek(session)?.tasks ?? this.#recent(session);
    if (entry?.state === 'SUBMITTED') return { tasks: entry.accepted, scanned: 0 };
    if (known !== undefined) return { tasks: known, scanned: 0 };
    const tasks = await reader.count(session, undefined, signal);
    this.#keep(session, tasks);
    return { tasks, scanned: tasks };
  }

  #recent(session: string): number | undefined {
    const kept = this.#kept.get(session);
    return kept !== undefined && performance.now() - kept.at < keptForMs ? kept.tasks : undefined;
  }

  #keep(session: string, tasks: number): void {
    this.#kept.delete(session);
    // An unknown session may be submitted at any moment.
    if (tasks > 0) this.#kept.set(session, { at: performance.now(), tasks });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= maxKept) return;
      this.#kept.delete(oldest);
    }
  }
}
