/** A task function whose tasks `{ wait: "name" }` end when the test opens that name. */
import type { TaskFunction } from '../../src/grids/htc-grid/task-function.js';

interface Door {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

export class Gate {
  readonly #doors = new Map<string, Door>();

  open(...names: readonly string[]): void {
    for (const name of names) this.#door(name).open();
  }

  /** Gives the task back; fails where it says `fail`; ends at once when it is cancelled. */
  readonly run: TaskFunction = async (task, { signal }) => {
    const { wait, fail } = (task ?? {}) as { readonly wait?: string; readonly fail?: string };
    if (wait !== undefined) {
      const cancelled = new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('Cancelled.')), { once: true });
      });
      await Promise.race([this.#door(wait).opened, cancelled]);
    }
    if (fail !== undefined) throw new Error(fail);
    return task;
  };

  #door(name: string): Door {
    const known = this.#doors.get(name);
    if (known) return known;
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const door = { opened, open };
    this.#doors.set(name, door);
    return door;
  }
}
