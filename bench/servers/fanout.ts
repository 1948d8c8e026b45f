/** The real server over an embedded grid with one session, whose tasks end when they are told to. */
import { encodeId } from '../../src/grids/id.js';
import type { Start } from '../child.js';
import { openHeldSession } from '../held-session.js';
import { now } from '../raw-subscribers.js';
import { serve } from '../serve.js';
import { observed } from './idle.js';

export interface FanoutSettings {
  readonly subscribers: number;
  readonly tasks: number;
}

const name = 'local';
/** The workers' look for expired claims reads each partition, whoever follows: so that what is left is read for subscribers. */
const workers = { expiryCheckMs: 2 ** 31 - 1 };

export const start: Start<FanoutSettings> = async ({ subscribers, tasks }) => {
  /** Calls to the table that read. */
  let reads = 0;
  const { grid, session, next } = await openHeldSession(tasks, {
    name,
    workers,
    onCall: ({ kind }) => {
      if (kind === 'table-read') reads += 1;
    },
  });
  const { url, stop } = await serve(grid, {
    connections: subscribers,
    subscriptionsPerCaller: subscribers,
  });
  return {
    url,
    answers: {
      ...observed(),
      session: () => encodeId('Session', name, session),
      reads: () => reads,
      /** When the task ended. */
      async end() {
        const { end } = await next();
        const at = now();
        end();
        return at;
      },
    },
    stop,
  };
};
