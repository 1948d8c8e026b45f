/**
 * A source over rows in memory. It shows of each row only what it was asked for, as a grid does: an
 * engine that forgets to ask for a value gets a wrong answer.
 */
import { comparator, keyOf } from '../../src/query/compare.js';
import { type Projection, projectionOf } from '../../src/query/plan.js';
import { matches, type Ref, type Value } from '../../src/query/predicate.js';
import type { Source, Tally } from '../../src/query/source.js';
import { type Item, items } from './items.js';

/** The cheaper ways a source may offer besides a scan. */
export type Way = 'tally' | 'window' | 'widen';

export interface MemorySourceOptions {
  readonly ways?: readonly Way[];
  readonly grid?: string;
  readonly deadlineMs?: number;
  readonly known?: (ref: Ref) => Value;
}

export interface MemorySource extends Source<Item> {
  /** What was asked, in order. */
  readonly asked: readonly (Way | 'scan')[];
}

export function memorySource(
  rows: readonly Item[],
  {
    ways = [],
    grid = 'memory',
    deadlineMs = 60_000,
    known = () => undefined,
  }: MemorySourceOptions = {},
): MemorySource {
  const asked: (Way | 'scan')[] = [];
  const byId = new Map(rows.map((row) => [row.id.join(), row]));
  const source: MemorySource = {
    asked,
    grid,
    part: undefined,
    deadlineMs,
    known,
    async *scan({ filter, projection, notes }) {
      asked.push('scan');
      notes.scanned = rows.length;
      for (const row of rows) if (matches(filter, row, items.read)) yield showing(row, projection);
    },
  };
  const offers: Pick<Source<Item>, Way> = {
    async *tally({ filter, by }): AsyncGenerator<readonly Tally<Item>[], void, undefined> {
      asked.push('tally');
      const alike = new Map<string, Item[]>();
      for (const row of rows) {
        if (!matches(filter, row, items.read)) continue;
        const values = by.map((ref) => items.read(row, ref));
        const name = JSON.stringify(values.map((value) => [typeof value, value]));
        alike.set(name, [...(alike.get(name) ?? []), row]);
      }
      for (const [first, ...others] of alike.values()) {
        if (first) yield [{ row: showing(first, projectionOf(by)), count: 1 + others.length }];
      }
    },
    async window({ filter, page, projection }) {
      asked.push('window');
      const place = (row: Item) => keyOf(row, [], items);
      const compare = comparator([]);
      const all = rows.filter((row) => matches(filter, row, items.read));
      all.sort((a, b) => compare(place(a), place(b)));
      const { from, limit, after, before } = page;
      const between = all.filter(
        (row) =>
          !(after && compare(place(row), after) <= 0) &&
          !(before && compare(place(row), before) >= 0),
      );
      const kept = from === 'front' ? between.slice(0, limit) : between.slice(-limit);
      const [head, tail] = [kept[0], kept.at(-1)];
      const isBefore = (row: Item) =>
        head ? compare(place(row), place(head)) < 0 : after && compare(place(row), after) <= 0;
      const isAfter = (row: Item) =>
        tail ? compare(place(row), place(tail)) > 0 : before && compare(place(row), before) >= 0;
      return {
        rows: kept.map((row) => showing(row, projection)),
        more: { before: all.some(isBefore), after: all.some(isAfter) },
      };
    },
    async widen(some, { projection }) {
      asked.push('widen');
      return some.map((narrow) => {
        const whole = byId.get(narrow.id.join());
        return whole ? merged(narrow, showing(whole, projection)) : narrow;
      });
    },
  };
  return Object.assign(source, Object.fromEntries(ways.map((way) => [way, offers[way]])));
}

/** A copy of the row with the projection alone. */
export function showing(row: Item, { fields, attributes }: Projection): Item {
  const wanted = attributes === 'all' ? undefined : new Set([...attributes].map(lower));
  return {
    id: row.id,
    fields: only(row.fields, (name) => fields.has(name)),
    attributes: only(row.attributes, (name) => wanted?.has(name) ?? true),
  };
}

const lower = (name: string): string => name.toLowerCase();

const only = (values: Item['fields'], wanted: (name: string) => boolean): Item['fields'] =>
  Object.fromEntries(Object.entries(values).filter(([name]) => wanted(name)));

const merged = (a: Item, b: Item): Item => ({
  id: a.id,
  fields: { ...a.fields, ...b.fields },
  attributes: { ...a.attributes, ...b.attributes },
});
