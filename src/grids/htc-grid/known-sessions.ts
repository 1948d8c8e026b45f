/** Which sessions there are, as far as that can be known: what the registry has, and what has work now. */
import type { SessionLogs } from './session-logs.js';
import { timeOfSessionId } from './session-id.js';
import type { SessionRegistry } from './registry.js';
import { isSessionId } from './status.js';
import type { ActiveSessions, TableReader } from './table.js';

/** Index entries read for each partition and state to find active sessions. */
const activeEntries = 5000;
/** Look-ups of active sessions closer together than this are one. */
const activeForMs = 1000;

export interface Known {
  /** Newest first. */
  readonly ids: readonly string[];
  readonly active: ActiveSessions;
}

export class KnownSessions {
  #active: { readonly at: number; readonly answer: Promise<ActiveSessions> } | undefined;

  constructor(
    private readonly parts: {
      readonly reader: TableReader;
      readonly registry: SessionRegistry;
      readonly logs: SessionLogs;
    },
  ) {}

  async all(signal: AbortSignal): Promise<Known> {
    const active = await this.#activeSessions(signal);
    const entries = this.parts.registry.entries();
    const times = new Map(entries.map((entry) => [entry.session, entry.submittedAt]));
    for (const id of active.sessions) if (!times.has(id)) times.set(id, timeOfSessionId(id) ?? 0);
    const ids = [...times]
      .sort(([a, at], [b, bt]) => bt - at || (a < b ? -1 : 1))
      .map(([id]) => id);
    return { ids, active };
  }

  /** Any session by its id, also one that `all` has not: true where it has a row. */
  async has(session: string, signal: AbortSignal): Promise<boolean> {
    const { registry, logs, reader } = this.parts;
    if (!isSessionId(session)) return false;
    if (registry.get(session) !== undefined || logs.peek(session) !== undefined) return true;
    for await (const page of reader.sessionPages(session, undefined, signal))
      if (page.length > 0) return true;
    return false;
  }

  /** One look-up for all who ask within a second; it goes on when one of them leaves. */
  async #activeSessions(signal: AbortSignal): Promise<ActiveSessions> {
    signal.throwIfAborted();
    const now = Date.now();
    if (this.#active === undefined || now - this.#active.at > activeForMs) {
      const answer = this.parts.reader.active(activeEntries, undefined);
      const entry = { at: now, answer };
      this.#active = entry;
      answer.catch(() => {
        if (this.#active === entry) this.#active = undefined;
      });
    }
    return this.#active.answer;
  }
}
