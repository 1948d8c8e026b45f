/** Rows of ends that are told without a read of the table. */
import { expect, it } from 'vitest';
import { HtcGrid } from '../../src/grids/htc-grid/htc-grid.js';
import { MemoryRegistry, type SessionEntry } from '../../src/grids/htc-grid/registry.js';
import { Seen } from '../../src/grids/htc-grid/seen.js';
import { TaskRows } from '../../src/grids/htc-grid/task-rows.js';
import type { Completion } from '../../src/grids/tasks.js';

const entry: SessionEntry = {
  ...{ session: 'session', owner: 'alice', expected: 1, accepted: 1, state: 'SUBMITTED' },
  ...{ submittedAt: 0, priority: 0, error: null, idempotency: null },
};
const end: Completion = {
  ...{ taskId: 'session_0', revision: 'fi0.1', state: 'SUCCEEDED', seenAt: 0 },
};

type Parts = ConstructorParameters<typeof HtcGrid>[0];

/** Another replica has registered the session; this one has not heard of it yet. */
class LateRegistry extends MemoryRegistry {
  override async look(): Promise<void> {
    await this.put(entry);
  }
}

function grid() {
  const registry = new LateRegistry();
  const rows = new TaskRows({ grid: 'g', registry, seen: new Seen(), data: undefined });
  const parts = { name: 'g', registry, rows } as Partial<Parts> as Parts;
  return new HtcGrid(parts);
}

it('the end of a session that another replica has just registered has its owner', async () => {
  const [row] = await grid().rowsOf([end], new Set(['state', 'owner']));
  expect(row).toMatchObject({ nativeId: end.taskId, state: 'SUCCEEDED', owner: 'alice' });
});

it('what the table alone knows is not told without it', async () => {
  expect(await grid().rowsOf([end], new Set(['state', 'submittedAt']))).toEqual([undefined]);
});
