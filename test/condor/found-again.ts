/** Look-ups of what is listed, where things may go while a test looks: slots and submitters live as long as the jobs of other tests. */
import { expect } from 'vitest';

/** What is listed before and after the look-up must be found by it, each in its place. */
export async function foundAgain(
  list: () => Promise<readonly string[]>,
  find: (ids: readonly string[]) => Promise<readonly (string | null | undefined)[]>,
): Promise<void> {
  const ids = await list();
  const found = await find(ids);
  const left = new Set(await list());
  expect(ids.some((id) => left.has(id)) || ids.length === 0).toBe(true);
  expect(found.map((id, at) => id ?? `no ${ids[at]}`)).toEqual(
    ids.map((id, at) => (found[at] != null || left.has(id) ? id : `no ${id}`)),
  );
}
