/** What the state table can't tell about sessions that this server submitted. */
import type { SubmissionState, UserError } from '../tasks.js';

export interface SessionEntry {
  readonly session: string;
  /** The identity that submitted it. */
  readonly owner: string;
  readonly expected: number;
  /** Tasks that the grid has, and may run. */
  readonly accepted: number;
  readonly state: SubmissionState;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  readonly priority: number;
  readonly error: UserError | null;
  /** The client's key against double submission, and a hash of what it sent with it. */
  readonly idempotency: { readonly key: string; readonly inputHash: string } | null;
  /** True once all inputs are in the data plane: from then on the submission can be taken up again. */
  readonly stored?: boolean | undefined;
  /** The part that was sent to the grid and not answered yet. */
  readonly sending?: SentPart | undefined;
}

export interface SentPart {
  /** The index of its first task. */
  readonly first: number;
  readonly tasks: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Reads are from memory; `put` resolves when the entry will outlive the process, as far as it can. */
export interface SessionRegistry {
  get(session: string): SessionEntry | undefined;
  /** The submission of an owner under a key; one that failed and left nothing may be tried again. */
  byKey(owner: string, key: string): SessionEntry | undefined;
  /** Newest first. */
  entries(): readonly SessionEntry[];
  put(entry: SessionEntry): Promise<void>;
  stop(): Promise<void>;
}

/** How many sessions are remembered; the oldest are forgotten first. */
const maxEntries = 100_000;

/** The registry of this process; alone, it ends with it. */
export class MemoryRegistry implements SessionRegistry {
  readonly #entries = new Map<string, SessionEntry>();
  readonly #keys = new Map<string, string>();

  get(session: string): SessionEntry | undefined {
    return this.#entries.get(session);
  }

  byKey(owner: string, key: string): SessionEntry | undefined {
    const entry = this.#entries.get(this.#keys.get(keyOf(owner, key)) ?? '');
    return entry?.state === 'FAILED' && entry.accepted === 0 ? undefined : entry;
  }

  entries(): readonly SessionEntry[] {
    return [...this.#entries.values()].reverse();
  }

  async put(entry: SessionEntry): Promise<void> {
    this.#entries.set(entry.session, entry);
    if (entry.idempotency !== null)
      this.#keys.set(keyOf(entry.owner, entry.idempotency.key), entry.session);
    if (this.#entries.size > maxEntries) this.#forgetOldest();
  }

  async stop(): Promise<void> {
    // Nothing is held.
  }

  #forgetOldest(): void {
    for (const oldest of this.#entries.values()) {
      this.#entries.delete(oldest.session);
      if (oldest.idempotency !== null) {
        const key = keyOf(oldest.owner, oldest.idempotency.key);
        if (this.#keys.get(key) === oldest.session) this.#keys.delete(key);
      }
      return;
    }
  }
}

const keyOf = (owner: string, key: string): string => JSON.stringify([owner, key]);
