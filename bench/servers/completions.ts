/** The real server over a deployed grid as `openTaskGrid` makes it by default, or over an embedded one whose tasks end by a plan. */
import { localAdmin } from '../../src/access/authenticator.js';
import {
  type HtcGrid,
  openEmbedded,
  openTaskGrid,
  type TaskContext,
} from '../../src/grids/htc-grid/index.js';
import type { Start } from '../child.js';
import { atRandomTimes, type End, type Spread, tasksOf } from '../ends.js';
import { now } from '../raw-subscribers.js';
import { serve } from '../serve.js';

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
  return { ...(await serve(grid)), answers: { source: () => sourceOf(grid) } };
};

/** Where the grid learns of completions now, in the words of its health. */
async function sourceOf(grid: HtcGrid): Promise<string> {
  const { components } = await grid.health(new AbortController().signal);
  return components.find(({ name }) => name === 'completion source')?.detail ?? '';
}

interface AtWork {
  readonly taskId: string;
  readonly end: () => void;
}

async function startEmbedded(name: string, spread: Spread) {
  const working: AtWork[] = [];
  const waiting: ((task: AtWork) => void)[] = [];
  const grid = await openEmbedded({
    name,
    run: (_task, { taskId }: TaskContext) =>
      new Promise<null>((resolve) => {
        const task = { taskId, end: () => resolve(null) };
        const wanted = waiting.shift();
        if (wanted === undefined) working.push(task);
        else wanted(task);
      }),
  });
  /** One that is at work, or the next that is. */
  const next = async (): Promise<AtWork> =>
    working.shift() ?? new Promise((resolve) => waiting.push(resolve));
  const { session } = await grid.submit(
    {
      payloads: Array.from({ length: tasksOf(spread) }, () => null),
      priority: undefined,
      owner: localAdmin.identity,
      idempotencyKey: undefined,
      dryRun: false,
    },
    new AbortController().signal,
  );
  if (!session) throw new Error('The session was not submitted.');
  return {
    ...(await serve(grid)),
    answers: {
      session: () => session.nativeId,
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
