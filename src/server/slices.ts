/** Work on many things that lets other work have its turn. */
import { setImmediate as turn } from 'node:timers/promises';

/** How long it goes on at a time. */
const sliceMs = 10;

export async function inSlices<Item>(
  items: Iterable<Item>,
  act: (item: Item) => void,
): Promise<void> {
  let sliceEnd = performance.now() + sliceMs;
  for (const item of items) {
    act(item);
    if (performance.now() < sliceEnd) continue;
    await turn();
    sliceEnd = performance.now() + sliceMs;
  }
}
