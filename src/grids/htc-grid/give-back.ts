/** What the expiry check of a deployed grid does with a task whose worker is gone: another try, or its end. */
import { Refused } from './calls.js';
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import type { DataPlane } from './data-plane.js';
import { errorKey } from './data-plane.js';
import { encodeOutput } from './encoding.js';
import type { TaskItem } from './item.js';
import type { TableReader } from './table.js';
import type { TableWriter } from './table-writer.js';
import { taskError } from './task-error.js';

export interface GiveBackSettings {
  readonly reader: TableReader;
  readonly writer: TableWriter;
  readonly data: DataPlane;
  readonly emit: (session: string, changes: readonly TaskChange[]) => void;
  readonly maxRetries: number;
}

/**
 * @param reason kept as the task's error where it was the last try
 * @returns the priority to queue the task with; undefined where it is not to be queued
 */
export async function giveBack(
  taskId: string,
  reason: Error,
  { reader, writer, data, emit, maxRetries }: GiveBackSettings,
): Promise<number | undefined> {
  const row = (await reader.items([taskId], undefined, { consistent: true })).get(taskId);
  if (row === undefined) return undefined;
  const retries = row.retries ?? 0;
  const last = retries >= maxRetries;
  if (last) await keepReason(taskId, reason, data);
  const changed = await orRefused(last ? writer.fail(taskId) : writer.retry(taskId, retries + 1));
  if (changed === undefined) return undefined;
  const change = changeOf(changed);
  if (change !== undefined) emit(changed.sessionId, [change]);
  return last ? undefined : (row.priority ?? 0);
}

/** Before the row says failed: who hears of that finds the reason. */
async function keepReason(taskId: string, reason: Error, data: DataPlane): Promise<void> {
  const text = taskError(taskId, { type: reason.name, message: reason.message });
  try {
    await data.put([[errorKey(taskId), encodeOutput(text)]]);
  } catch {
    // A store that takes nothing may be the reason itself; the row still says that the task failed.
  }
}

/** The row after an update; undefined where its condition did not hold. */
export async function orRefused(update: Promise<TaskItem>): Promise<TaskItem | undefined> {
  try {
    return await update;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}
