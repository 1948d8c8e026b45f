/** What all streams share: the words of their arguments, when they end, and who pulls. */
import {
  resolveDelivery,
  resolveStart,
  type StreamOptions,
  type StreamStart as Start,
} from '../src/streams/index.js';
import type { Delivery, StreamStart } from '../schema/stream.js';
import type { GraphContext } from './context.js';

export const startArg = {
  nullable: true,
  description: 'Where to start; {now: true} unless given.',
};
export const deliveryArg = { nullable: true, description: 'How items are put into frames.' };

interface StreamArgs {
  readonly start?: StreamStart | null;
  readonly delivery?: Delivery | null;
}

/** Where the server itself goes on with a stream, that counts: its subscriber began it elsewhere. */
export const streamOptions = (
  { start, delivery }: StreamArgs,
  { caller, ends, signal, resume }: GraphContext,
): StreamOptions & { readonly start: Start } => {
  const given = { start: resolveStart(start), delivery: resolveDelivery(delivery) };
  const expiresAt = resume?.expiresAt ?? caller.expiresAt;
  return {
    ...given,
    ends,
    signal,
    ...(resume?.after === undefined ? {} : { start: { kind: 'after', cursor: resume.after } }),
    ...(resume?.until === undefined ? {} : { until: resume.until }),
    ...(expiresAt === null ? {} : { expiresAt }),
  };
};
