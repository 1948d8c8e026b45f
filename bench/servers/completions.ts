/** The real server over a deployed grid as `openTaskGrid` makes it by default, or over an embedded one whose tasks end by a plan. */
import { type HtcGrid, openTaskGrid } from '../../src/grids/htc-grid/index.js';
import type { Start } from '../child.js';
import { atRandomTimes, type End, type Spread, tasksOf } from '../ends.js';
import { openHeldSession } from '../held-session.js';
import { now } from '../raw-subscribers.js';
import { serve } from '../serve.js';
import { observed } from './idle.js';

export type CompletionsSettings = { readonly name: string } & (
  | { readonly embedded: Spread }
  | {
      readonly table: string;
      readonly endpoint: string;
      readonly redisPort: number;
    }
);

export const start: Start<CompletionsSettings> = async (settings) => {
  if ('embedded' in settings) return startEmbedded(settings.name, settings.embedded);
  const { name, table, endpoint, redisPort } = settings;
  const grid = await openTaskGrid({
    name,
    table: {
      table,
      region: 'eu-west-1',
      endpoint,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    },
    data: { host: '127.0.0.1', port: redisPort },
  });
  return { ...(await serve(grid)), answers: { ...observed(), source: () => sourceOf(grid) } };
};

/** Where the grid learns of completions now, in the words of its health. */
async function sourceOf(grid: HtcGrid): Promise<string> {
  const { components } = await grid.health(new AbortController().signal);
  return components.find(({ name }) => name === 'completion source')?.detail ?? '';
}

async function startEmbedded(name: string, spread: Spread) {
  const { grid, session, next } = await openHeldSession(tasksOf(spread), { name });
  return {
    ...(await serve(grid)),
    answers: {
      ...observed(),
      session: () => session,
      /** Ends them; when each function did, before its output and its row were written. */
      work: () =>
        atRandomTimes(spread, async (): Promise<End> => {
          const { taskId, end } = await next();
          const at = now();
          end();
          return [taskId, at];
        }),
    },
  };
}
