/** The real server over an embedded grid with one session, whose tasks end when they are told to. */
import { localAdmin } from '../../src/access/authenticator.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import { encodeId } from '../../src/grids/id.js';
import type { Started } from '../child.js';
import { now } from '../raw-subscribers.js';
import { serve } from '../serve.js';
import { observed } from './idle.js';

export interface FanoutSettings {
  readonly subscribers: number;
  readonly tasks: number;
}

export async function start({ subscribers, tasks }: FanoutSettings): Promise<Started> {
  /** Calls to the table that read. */
  let reads = 0;
  const working: (() => void)[] = [];
  const grid = await openEmbedded({
    name: 'local',
    run: () => new Promise<null>((resolve) => working.push(() => resolve(null))),
    onCall: ({ kind }) => {
      if (kind === 'table-read') reads += 1;
    },
  });
  const { session } = await grid.submit(
    {
      payloads: Array.from({ length: tasks }, () => null),
      priority: undefined,
      owner: localAdmin.identity,
      idempotencyKey: undefined,
      dryRun: false,
    },
    new AbortController().signal,
  );
  if (!session) throw new Error('The session was not submitted.');
  const { url, stop } = await serve(grid, {
    connections: subscribers,
    subscriptionsPerCaller: subscribers,
  });
  const { memory, longestBlock } = observed();
  return {
    url,
    answers: {
      memory,
      longestBlock,
      session: () => encodeId('Session', 'local', session.nativeId),
      /** Since the last time. */
      reads() {
        const since = reads;
        reads = 0;
        return since;
      },
      /** When the task ended. */
      end() {
        const act = working.shift();
        if (!act) throw new Error('No task is at work.');
        const at = now();
        act();
        return at;
      },
    },
    stop,
  };
}
