/** Frames: the messages of a stream, whatever it carries. */

/** What a frame says; the order in a stream is told in docs/streams.md. */
export const frameKinds = {
  SNAPSHOT: 'Items from before the stream was current.',
  SYNCED: 'The stream is current: what comes from here on is live.',
  CHANGES: 'Items that follow the position of the frame before.',
  HEARTBEAT: 'Nothing happened for `heartbeatMs`; the stream lives.',
  GAP: 'The stream could not be continued in place; a fresh snapshot follows.',
  END: 'The last frame, with the reason.',
} as const;
export type FrameKind = keyof typeof frameKinds;

export const gapReasons = {
  CURSOR_EXPIRED: 'The position of the cursor cannot be read any more.',
  SLOW_CONSUMER: 'The reader fell behind what a bounded log keeps.',
  SOURCE_LOST: 'The source behind the log is gone; positions in it end here.',
} as const;
export type GapReason = keyof typeof gapReasons;

export const endReasons = {
  COMPLETE: 'Nothing can follow: every expected item was sent.',
  AUTH_EXPIRED:
    'The token that opened the stream expired; come back with a new one and the cursor.',
  SHUTDOWN: 'The server stops; come back with the cursor.',
} as const;
export type EndReason = keyof typeof endReasons;

export interface StreamGap {
  readonly reason: GapReason;
  readonly detail: string | null;
}

export interface StreamFrame {
  readonly kind: FrameKind;
  /** Resuming after it gives everything that follows this frame. */
  readonly cursor: string;
  /** Epoch milliseconds. */
  readonly emittedAt: number;
  /** From when the server learned of the oldest item of a CHANGES frame until it was emitted; else null. */
  readonly lagMs: number | null;
  readonly gap: StreamGap | null;
  readonly end: { readonly reason: EndReason } | null;
  /** Whether all that came before has been sent: who has this frame may go on in another stream that stands at its cursor. */
  readonly live: boolean;
}

/** A frame of a log's entries. */
export interface EntriesFrame<Entry> extends StreamFrame {
  /** Empty in frames other than SNAPSHOT and CHANGES. */
  readonly entries: readonly Entry[];
  /** In the SYNCED frame behind a snapshot that does not have everything: what is left out. */
  readonly partial: string | null;
}
