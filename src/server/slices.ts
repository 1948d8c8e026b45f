/** Work on many things that lets other work have its turn. */
import { Slice } from '../query/slice.js';

export async function inSlices<Item>(
  items: Iterable<Item>,
  act: (item: Item) => void,
): Promise<void> {
  const slice = new Slice();
  for (const item of items) {
    act(item);
    if (slice.isOver) await slice.next();
  }
}
