/** One page of tasks in id order, computed from ids alone: the tasks of a session are 0..n-1. */
import type { PageKey, PageRequest } from '../../query/plan.js';
import type { TaskItem } from './item.js';
import { taskIdOf } from './status.js';

export interface WindowReads {
  readonly grid: string;
  read(ids: readonly string[]): Promise<ReadonlyMap<string, TaskItem>>;
  /** How many tasks a session has; asked only where a page is read from the back. */
  size(session: string): Promise<number>;
}

export interface ItemWindow {
  readonly items: readonly TaskItem[];
  readonly more: { readonly before: boolean; readonly after: boolean };
}

/** A place between tasks: before the task with this index of this session. */
interface Place {
  readonly session: string;
  readonly index: number;
}

/** @param sessions sorted */
export async function windowOf(
  sessions: readonly string[],
  page: PageRequest,
  reads: WindowReads,
): Promise<ItemWindow> {
  const from = placeOf(page.after, reads.grid, 1);
  const to = placeOf(page.before, reads.grid, 0);
  const [first] = sessions;
  // A cursor names a row that was there: something lies beyond it, unless it is of another session.
  const beyondFrom =
    from !== undefined && first !== undefined && compare(from, { session: first, index: 0 }) > 0;
  const last = sessions.at(-1);
  const beyondTo = to !== undefined && last !== undefined && to.session <= last;
  if (page.from === 'front') {
    const items = await forward(sessions, from, to, page.limit + 1, reads);
    return {
      items: items.slice(0, page.limit),
      more: { before: beyondFrom, after: items.length > page.limit || beyondTo },
    };
  }
  const items = await backward(sessions, from, to, page.limit + 1, reads);
  return {
    items: items.slice(0, page.limit).reverse(),
    more: { before: items.length > page.limit || beyondFrom, after: beyondTo },
  };
}

async function forward(
  sessions: readonly string[],
  from: Place | undefined,
  to: Place | undefined,
  limit: number,
  reads: WindowReads,
): Promise<TaskItem[]> {
  const found: TaskItem[] = [];
  for (const session of sessions) {
    if (from !== undefined && session < from.session) continue;
    if (to !== undefined && session > to.session) break;
    let index = from?.session === session ? from.index : 0;
    const end = to?.session === session ? to.index : Infinity;
    while (found.length < limit && index < end) {
      const count = Math.min(limit - found.length, end - index);
      const items = await range(session, index, count, reads);
      found.push(...items);
      index += count;
      if (items.length < count) break;
    }
    if (found.length >= limit) break;
  }
  return found;
}

/** The same from the back: the last task first. */
async function backward(
  sessions: readonly string[],
  from: Place | undefined,
  to: Place | undefined,
  limit: number,
  reads: WindowReads,
): Promise<TaskItem[]> {
  const found: TaskItem[] = [];
  for (const session of sessions.toReversed()) {
    if (to !== undefined && session > to.session) continue;
    if (from !== undefined && session < from.session) break;
    const start = from?.session === session ? from.index : 0;
    let end = to?.session === session ? to.index : await reads.size(session);
    while (found.length < limit && end > start) {
      const count = Math.min(limit - found.length, end - start);
      found.push(...(await range(session, end - count, count, reads)).reverse());
      end -= count;
    }
    if (found.length >= limit) break;
  }
  return found;
}

async function range(
  session: string,
  index: number,
  count: number,
  reads: WindowReads,
): Promise<TaskItem[]> {
  const ids = Array.from({ length: count }, (_, offset) => taskIdOf(session, index + offset));
  const items = await reads.read(ids);
  return ids.map((id) => items.get(id)).filter((item) => item !== undefined);
}

/** @param past 1 for the place after the row of the key, 0 for the one before it. */
function placeOf(key: PageKey | undefined, grid: string, past: 0 | 1): Place | undefined {
  if (key === undefined) return undefined;
  const [keyGrid, session, index] = key.id;
  // Rows of another grid are all before or all after the rows of this one.
  if (keyGrid !== grid)
    return String(keyGrid) < grid ? { session: '', index: 0 } : { session: '\uffff', index: 0 };
  return { session: String(session), index: Number(index) + past };
}

const compare = (a: Place, b: Place): number =>
  a.session === b.session ? a.index - b.index : a.session < b.session ? -1 : 1;
