/** Work on many rows that lets other work have its turn: what a row costs may be the choice of whose it is. */
import { setImmediate as turn } from 'node:timers/promises';

/** How long it goes on at a time. */
const sliceMs = 10;

export class Slice {
  #endsAt = performance.now() + sliceMs;

  get isOver(): boolean {
    return performance.now() >= this.#endsAt;
  }

  /** Goes on once others had their turn. */
  async next(): Promise<void> {
    await turn();
    this.#endsAt = performance.now() + sliceMs;
  }
}

/** The items that are as wanted, in their order. */
export async function filtered<Item>(
  items: readonly Item[],
  isWanted: (item: Item) => boolean,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  const slice = new Slice();
  const wanted: Item[] = [];
  for (const item of items) {
    if (isWanted(item)) wanted.push(item);
    if (!slice.isOver) continue;
    await slice.next();
    signal.throwIfAborted();
  }
  return wanted;
}
