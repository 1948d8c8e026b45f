/** The change of a task that a record of a stream tells of. */
import type { TaskChange } from '../change.js';
import { changeOf } from '../change.js';
import type { TaskItem } from '../item.js';
import { decodeItem } from '../item.js';
import { parseStatus } from '../status.js';
import type { StreamRecord } from './stream-calls.js';

/** Undefined for a renewal of a claim, for a row that was removed, and where the stream has no images of rows. */
export function changeOfRecord({ dynamodb = {} }: StreamRecord): TaskChange | undefined {
  const { NewImage: now, OldImage: before } = dynamodb;
  const item = now && decodeItem(now);
  if (item === undefined) return undefined;
  const old = before && decodeItem(before);
  return old !== undefined && isSame(old, item) ? undefined : changeOf(item);
}

const isSame = (a: TaskItem, b: TaskItem): boolean =>
  parseStatus(a.status).native === parseStatus(b.status).native &&
  a.retries === b.retries &&
  a.submittedAt === b.submittedAt;
