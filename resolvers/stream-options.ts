/** What all streams share: the words of their arguments, when they end, and who pulls. */
import { resolveDelivery, type StreamOptions } from '../src/streams/index.js';
import type { Delivery } from '../schema/stream.js';
import type { GraphContext } from './context.js';

export const startArg = {
  nullable: true,
  description: 'Where to start; {now: true} unless given.',
};
export const deliveryArg = { nullable: true, description: 'How items are put into frames.' };

export const streamOptions = (
  delivery: Delivery | null | undefined,
  { caller, ends, signal }: GraphContext,
): StreamOptions => ({
  delivery: resolveDelivery(delivery),
  ends,
  signal,
  ...(caller.expiresAt === null ? {} : { expiresAt: caller.expiresAt }),
});
