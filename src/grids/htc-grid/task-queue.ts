/** The embedded grid's queue: task ids only, larger priorities first, each in order of arrival. */

export class TaskQueue {
  readonly #lanes = new Map<number, Lane>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(taskIds: readonly string[], priority: number): void {
    const lane = this.#lanes.get(priority) ?? { ids: [], head: 0 };
    this.#lanes.set(priority, lane);
    for (const id of taskIds) lane.ids.push(id);
    this.#size += taskIds.length;
  }

  shift(): string | undefined {
    let best: number | undefined;
    for (const priority of this.#lanes.keys())
      if (best === undefined || priority > best) best = priority;
    const lane = best === undefined ? undefined : this.#lanes.get(best);
    if (best === undefined || lane === undefined) return undefined;
    const id = lane.ids[lane.head++];
    this.#size--;
    if (lane.head === lane.ids.length) this.#lanes.delete(best);
    else if (lane.head >= 1024) {
      lane.ids.splice(0, lane.head);
      lane.head = 0;
    }
    return id;
  }
}

interface Lane {
  readonly ids: string[];
  head: number;
}
