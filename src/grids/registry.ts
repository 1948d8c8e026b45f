/** The grids that are configured, by name. */
import { GridError } from '../errors.js';
import type { AnyGrid, GridKind } from './grid.js';

export type GridOf<K extends GridKind> = Extract<AnyGrid, { readonly kind: K }>;

export class GridRegistry {
  readonly #byName: ReadonlyMap<string, AnyGrid>;

  constructor(readonly all: readonly AnyGrid[]) {
    this.#byName = new Map(all.map((grid) => [grid.name, grid]));
    if (this.#byName.size !== all.length) throw new Error('Two grids have the same name.');
  }

  find(name: string): AnyGrid | undefined {
    return this.#byName.get(name);
  }

  get(name: string): AnyGrid {
    const grid = this.find(name);
    if (grid) return grid;
    throw new GridError(
      'UNKNOWN_GRID',
      `Expected the name of a grid (${this.#names(this.all)}), came ${JSON.stringify(name)}.`,
    );
  }

  of<K extends GridKind>(kind: K): readonly GridOf<K>[] {
    return this.all.filter((grid): grid is GridOf<K> => grid.kind === kind);
  }

  /** The grid of that kind by name, or the only one when no name is given. */
  one<K extends GridKind>(kind: K, name: string | null | undefined): GridOf<K> {
    const candidates = this.of(kind);
    if (name != null) {
      const grid = this.get(name);
      if (grid.kind === kind) return grid as GridOf<K>;
      throw new GridError(
        'CAPABILITY_MISSING',
        `Grid ${name} is of kind ${grid.kind}; expected one of kind ${kind} (${this.#names(candidates)}).`,
      );
    }
    const [only, ...others] = candidates;
    if (only && others.length === 0) return only;
    throw new GridError(
      'UNKNOWN_GRID',
      only
        ? `Several grids are of kind ${kind}; name one of ${this.#names(candidates)}.`
        : `No grid of kind ${kind} is configured.`,
    );
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.all.map((grid) => grid.stop()));
  }

  #names(grids: readonly AnyGrid[]): string {
    return grids.map(({ name }) => name).join(', ') || 'none is configured';
  }
}
