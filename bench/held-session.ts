/** An embedded grid with one session whose tasks are at work until they are told to end. */
import { localAdmin } from '../src/access/authenticator.js';
import {
  type EmbeddedSettings,
  type HtcGrid,
  openEmbedded,
  type TaskContext,
} from '../src/grids/htc-grid/index.js';

export interface HeldTask {
  readonly taskId: string;
  readonly end: () => void;
}

export interface HeldSession {
  readonly grid: HtcGrid;
  /** As the grid calls it. */
  readonly session: string;
  /** A task that is at work, or the next that is; each is given once. */
  readonly next: () => Promise<HeldTask>;
}

export async function openHeldSession(
  tasks: number,
  settings: Omit<EmbeddedSettings, 'run'>,
): Promise<HeldSession> {
  const working: HeldTask[] = [];
  const waiting: ((task: HeldTask) => void)[] = [];
  const grid = await openEmbedded({
    ...settings,
    run: (_task, { taskId }: TaskContext) =>
      new Promise<null>((resolve) => {
        const task = { taskId, end: () => resolve(null) };
        const wanted = waiting.shift();
        if (wanted === undefined) working.push(task);
        else wanted(task);
      }),
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
  return {
    grid,
    session: session.nativeId,
    next: async () => working.shift() ?? new Promise((resolve) => waiting.push(resolve)),
  };
}
