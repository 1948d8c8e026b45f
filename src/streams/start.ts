/** Where a stream starts. */
import { GridError } from '../errors.js';

export type StreamStart =
  /** Live only. */
  | { readonly kind: 'now' }
  /** Everything there is, then live. */
  | { readonly kind: 'snapshot' }
  /** What follows the frame with this cursor. */
  | { readonly kind: 'after'; readonly cursor: string };

/** How a server goes on with a stream for its subscriber, in place of what that one asked for at first. */
export interface StreamResume {
  /** A cursor of the stream; without one it starts as it was asked to. */
  readonly after?: string;
  /** A later one, at which it finishes. */
  readonly until?: string;
  /** Epoch milliseconds: END AUTH_EXPIRED. */
  readonly expiresAt?: number;
}

export interface StreamStartInput {
  readonly now?: boolean | null;
  readonly snapshot?: boolean | null;
  readonly after?: string | null;
}

/** The start a client asked for; default now. BAD_USER_INPUT where it asks for more than one. */
export function resolveStart(input: StreamStartInput | null | undefined): StreamStart {
  const { now, snapshot, after } = input ?? {};
  const cursor = after ?? undefined;
  const given = [now && 'now', snapshot && 'snapshot', cursor !== undefined && 'after'];
  const names = given.filter((name) => typeof name === 'string');
  if (names.length > 1) {
    throw new GridError(
      'BAD_USER_INPUT',
      `start takes one of now, snapshot and after, not ${names.join(' and ')}.`,
    );
  }
  if (cursor !== undefined) return { kind: 'after', cursor };
  return { kind: snapshot ? 'snapshot' : 'now' };
}
