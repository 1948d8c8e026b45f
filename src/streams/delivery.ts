/** Delivery: how a client wants its frames, checked against what the server allows. */
import { GridError } from '../errors.js';

export interface Delivery {
  /** Most items in a frame. Default 100, from 1 to 1,000. */
  readonly maxBatch: number;
  /** Longest wait of an item for company behind a frame just sent. Default 50, at most 10,000. */
  readonly maxWaitMs: number;
  /** Shortest time between two live frames with items. Default 0, at most 60,000. */
  readonly minIntervalMs: number;
  /** A HEARTBEAT after so long without a frame; 0 for none. Default 15,000, from 1,000 to 300,000. */
  readonly heartbeatMs: number;
}

/** What came from the client: null and absent both mean the default. */
export type DeliveryInput = { readonly [Name in keyof Delivery]?: number | null };

export interface Range {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}
export type DeliveryLimits = { readonly [Name in keyof Delivery]: Range };

export const deliveryLimits: DeliveryLimits = {
  maxBatch: { default: 100, min: 1, max: 1_000 },
  maxWaitMs: { default: 50, min: 0, max: 10_000 },
  minIntervalMs: { default: 0, min: 0, max: 60_000 },
  heartbeatMs: { default: 15_000, min: 1_000, max: 300_000 },
};

/** The delivery of a stream; BAD_USER_INPUT for a number outside the limits or two that contradict each other. */
export function resolveDelivery(
  input: DeliveryInput | null | undefined,
  limits: DeliveryLimits = deliveryLimits,
): Delivery {
  const delivery: Delivery = {
    maxBatch: within('maxBatch', input?.maxBatch, limits.maxBatch),
    maxWaitMs: within('maxWaitMs', input?.maxWaitMs, limits.maxWaitMs),
    minIntervalMs: within('minIntervalMs', input?.minIntervalMs, limits.minIntervalMs),
    heartbeatMs:
      input?.heartbeatMs === 0
        ? 0
        : within('heartbeatMs', input?.heartbeatMs, limits.heartbeatMs, ' (or 0 for none)'),
  };
  if (delivery.heartbeatMs > 0) {
    notAboveHeartbeat('maxWaitMs', delivery);
    notAboveHeartbeat('minIntervalMs', delivery);
  }
  return delivery;
}

function within(
  name: keyof Delivery,
  value: number | null | undefined,
  range: Range,
  also = '',
): number {
  const given = value ?? range.default;
  if (Number.isSafeInteger(given) && given >= range.min && given <= range.max) return given;
  throw new GridError(
    'BAD_USER_INPUT',
    `delivery.${name} is a whole number from ${range.min} to ${range.max}${also}, not ${given}.`,
  );
}

/** "At most a frame every X" and "at least a frame every Y" contradict each other where X > Y. */
function notAboveHeartbeat(name: 'maxWaitMs' | 'minIntervalMs', delivery: Delivery): void {
  if (delivery[name] <= delivery.heartbeatMs) return;
  throw new GridError(
    'BAD_USER_INPUT',
    `delivery.${name} ${delivery[name]} is above delivery.heartbeatMs ${delivery.heartbeatMs}: ` +
      `a frame cannot be held back for longer than the stream may be silent. ` +
      `Lower ${name}, raise heartbeatMs, or switch heartbeats off with 0.`,
  );
}
