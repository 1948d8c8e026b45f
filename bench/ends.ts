/** Ends of tasks at random times, and when each of them was. */
import { setTimeout as pause } from 'node:timers/promises';

/** The id of the task, and when it ended on the clock that processes share, in milliseconds. */
export type End = readonly [taskId: string, atMs: number];

export interface Spread {
  readonly tasks: number;
  /** All end within this time. */
  readonly spanMs: number;
}

/** Calls `act` once for each task, at times that know nothing of each other; waits for all of them. */
export async function atRandomTimes(
  { tasks, spanMs }: Spread,
  act: (index: number) => Promise<End>,
): Promise<readonly End[]> {
  return Promise.all(
    Array.from({ length: tasks }, async (_, index) => {
      await pause(Math.random() * spanMs);
      return act(index);
    }),
  );
}
