/** What a grid makes of its gateway besides submitting: a line of its health, and its own way to cancel. */
import { asGridError } from '../../errors.js';
import type { NativeCancel } from './cancel.js';
import type { Gateway } from './gateway.js';
import { GatewayFault } from './gateway.js';
import type { Component } from './health.js';

/** A gateway that nobody uses is asked by health at most this often: each question is a Lambda's run. */
const probeEveryMs = 30_000;

export function gatewayComponent(gateway: Gateway, now: () => number = Date.now): Component {
  let probedAt = -Infinity;
  return {
    name: 'gateway',
    check: async (signal) => {
      if (now() - Math.max(probedAt, gateway.usedAt ?? -Infinity) > probeEveryMs) {
        probedAt = now();
        // What it comes to is in the circuit; the failure itself has nothing to add.
        await gateway.probe(signal).catch(() => undefined);
      }
      return { ...gateway.state, count: null };
    },
  };
}

export function nativeCancelOf(gateway: Gateway): NativeCancel {
  return async (session, signal) => {
    try {
      const counts = await gateway.cancel(session, signal);
      return {
        pending: counts?.cancelled_pending ?? 0,
        retrying: counts?.cancelled_retrying ?? 0,
        processing: counts?.cancelled_processing ?? 0,
      };
    } catch (error) {
      if (!(error instanceof GatewayFault)) throw asGridError(error);
      // The grid goes on, or broke off half-way: either way the table tells, and cancelling again harms nothing.
      if (error.fate === 'NOT_BEGUN') throw error.reason;
      return undefined;
    }
  };
}
