/** What a grid tells by itself, of all its tasks at once. */
import type { ChangeSink } from '../change.js';
import type { Beside } from '../poll-source.js';

export type PushKind = 'STREAMS' | 'KEYSPACE';

export interface PushSink {
  readonly changes: ChangeSink;
  /** Something may not have been told; the source goes on. */
  readonly missed: (reason: string) => void;
  /** Told once: the source has ended by itself. */
  readonly lost: (error: Error) => void;
}

export interface Push {
  readonly kind: PushKind;
  /** What it is, in words. */
  readonly what: string;
  /** How its sessions are looked at besides. */
  readonly beside: Exclude<Beside, 'NOTHING'>;
  /** How far it has told, where it can go on from there: here, or in another server. */
  readonly place?: string | undefined;
  /**
   * Resolves once attached: whatever happens from then on, or has happened behind `place`, is told, or that it may
   * have been missed. Rejects with the reason where it can't be. Ends when `signal` is aborted.
   */
  attach(sink: PushSink, signal: AbortSignal, place?: string): Promise<void>;
}
