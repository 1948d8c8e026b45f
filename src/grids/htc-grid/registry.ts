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
  /** How often it has been written, where replicas share it. */
  readonly version?: number | undefined;
}

export interface SentPart {
  /** The index of its first task. */
  readonly first: number;
  readonly tasks: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The right to carry on one submission; one process has it at a time. */
export interface Hold {
  /**
   * Resolves when the entry will outlive the process, as far as it can; one that is over ends the hold.
   * Rejects with `HoldLost` where another process carries the submission on, or `signal` leaves it to one.
   */
  put(entry: SessionEntry, signal: AbortSignal): Promise<void>;
  readonly lost: AbortSignal;
  /** Aborted where another process asks that nothing more be sent. */
  readonly halted: AbortSignal;
  /** Lets another process take up what is not over. */
  release(): Promise<void>;
}

export class HoldLost extends Error {
  override readonly name = 'HoldLost';
}

export type Begun = { readonly hold: Hold } | { readonly earlier: SessionEntry };

/** Reads are from memory. */
export interface SessionRegistry {
  get(session: string): SessionEntry | undefined;
  /** The submission of an owner under a key; one that failed and left nothing may be tried again. */
  byKey(owner: string, key: string): SessionEntry | undefined;
  /** Newest first. */
  entries(): readonly SessionEntry[];
  /** Submissions that are not over. */
  underWay(): readonly SessionEntry[];
  /** After it `get` knows of these sessions what any replica had registered when it was called. Never rejects. */
  look(sessions: readonly string[]): Promise<void>;
  /** Registers a new submission, unless one of the same owner and key came before it, at any replica. */
  begin(entry: SessionEntry): Promise<Begun>;
  /** Takes up a submission that is not over and that nobody carries on. */
  take(session: string): Promise<{ readonly entry: SessionEntry; readonly hold: Hold } | undefined>;
  /** Asks the replica that carries a submission on to send nothing more. */
  halt(session: string): Promise<void>;
  /** Resolves when no other replica carries the submission on. */
  settled(session: string, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** How many sessions are remembered; the oldest are forgotten first. */
export const maxEntries = 100_000;

const never = new AbortController().signal;

/** Holds where there is one process: they are not lost, and halted by nobody else. */
export const holdOver = (put: (entry: SessionEntry) => Promise<void>): Hold => ({
  put,
  lost: never,
  halted: never,
  release: async () => undefined,
});

/** The registry of this process; alone, it ends with it. */
export class MemoryRegistry implements SessionRegistry {
  readonly #hold = holdOver((entry) => this.put(entry));
  readonly #entries = new Map<string, SessionEntry>();
  readonly #keys = new Map<string, string>();
  readonly #underWay = new Set<string>();

  constructor(private readonly most = maxEntries) {}

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

  underWay(): readonly SessionEntry[] {
    return [...this.#underWay].flatMap((session) => this.#entries.get(session) ?? []);
  }

  async look(): Promise<void> {
    // Nobody else registers here.
  }

  async begin(entry: SessionEntry): Promise<Begun> {
    const earlier = this.earlier(entry);
    if (earlier !== undefined) return { earlier };
    await this.put(entry);
    return { hold: this.#hold };
  }

  /** The submission that has the key of a new one. */
  earlier({ owner, idempotency }: SessionEntry): SessionEntry | undefined {
    return idempotency === null ? undefined : this.byKey(owner, idempotency.key);
  }

  async take(session: string) {
    const entry = this.#entries.get(session);
    return entry?.state === 'SUBMITTING' ? { entry, hold: this.#hold } : undefined;
  }

  async halt(): Promise<void> {
    // Nobody else carries anything.
  }
  async settled(): Promise<void> {
    // The same.
  }

  async put(entry: SessionEntry): Promise<void> {
    this.#entries.set(entry.session, entry);
    if (entry.state === 'SUBMITTING') this.#underWay.add(entry.session);
    else this.#underWay.delete(entry.session);
    if (entry.idempotency !== null)
      this.#keys.set(keyOf(entry.owner, entry.idempotency.key), entry.session);
    if (this.#entries.size > this.most) this.#forgetOldest();
  }

  async stop(): Promise<void> {
    // Nothing is held.
  }

  #forgetOldest(): void {
    for (const oldest of this.#entries.values()) {
      this.#entries.delete(oldest.session);
      this.#underWay.delete(oldest.session);
      if (oldest.idempotency !== null) {
        const key = keyOf(oldest.owner, oldest.idempotency.key);
        if (this.#keys.get(key) === oldest.session) this.#keys.delete(key);
      }
      return;
    }
  }
}

const keyOf = (owner: string, key: string): string => JSON.stringify([owner, key]);
