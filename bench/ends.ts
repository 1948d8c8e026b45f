/** Ends of tasks at random times, and when each of them was. */
import { setTimeout as pause } from 'node:timers/promises';

/** The id of the task, and when it ended on the clock that processes share, in milliseconds. */
export type End = readonly [taskId: string, atMs: number];

export interface Spread {
  readonly tasks: number;
  /** All end within this time. */
  readonly spanMs: number;
}

/** So many end before those that count: what is compiled and connected once for all is no delay of theirs. */
const warmUp = { tasks: 40, spanMs: 2000 };

/** What is submitted in all. */
export const tasksOf = ({ tasks }: Spread): number => warmUp.tasks + tasks;

/** Calls `act` once for each task, at times that know nothing of each other; gives those that count. */
export async function atRandomTimes(
  spread: Spread,
  act: (index: number) => Promise<End>,
): Promise<readonly End[]> {
  const some = ({ tasks, spanMs }: Spread, from: number): Promise<readonly End[]> =>
    Promise.all(
      Array.from({ length: tasks }, async (_, index) => {
        await pause(Math.random() * spanMs);
        return act(from + index);
      }),
    );
  await some(warmUp, 0);
  return some(spread, warmUp.tasks);
}
