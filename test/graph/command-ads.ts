/** What HTCondor's own commands print, read in a way of its own, and compared with what the graph says. */
import { expect, vi } from 'vitest';
import type { RealPool } from '../real/index.js';
import type { AdJson } from './restd-document.js';

export type Ads = ReadonlyMap<string, AdJson>;

/** Ads of a command with `-json`, as the graph shows them: expressions as text, long integers as text. */
export async function adsOf(pool: RealPool, argv: readonly string[]): Promise<readonly AdJson[]> {
  const { code, stdout, stderr } = await pool.run(argv);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr}`);
  const text = stdout
    .replaceAll(/"\\\/Expr\(((?:[^"\\]|\\.)*)\)\\\/"/g, '"$1"')
    .replaceAll(/^( *(?:"\w+": )?)(-?\d{16,})(,?)$/gm, '$1"$2"$3');
  return text.trim() === '' ? [] : (JSON.parse(text) as readonly AdJson[]);
}

export const byKey = (ads: readonly AdJson[], keyOf: (ad: AdJson) => string): Ads =>
  new Map(ads.map((ad) => [keyOf(ad), ad]));

export const jobKey = ({ ClusterId, ProcId }: AdJson): string =>
  `${String(ClusterId)}.${String(ProcId)}`;

/** Submitters have a name at each schedd. */
export const statusKey = ({ MyType, Name, ScheddName }: AdJson): string =>
  [MyType, Name, ScheddName ?? ''].map(String).join(' ');

/**
 * Asks the command, the graph, and the command again: the graph must say of each ad what both times agree on,
 * since some attributes change by the second. Once more where they differ: a negotiation takes attributes away and
 * puts the same ones back. Gives the number of values compared.
 */
export const sameAds = (command: () => Promise<Ads>, graph: () => Promise<Ads>): Promise<number> =>
  vi.waitFor(() => compared(command, graph));

async function compared(command: () => Promise<Ads>, graph: () => Promise<Ads>): Promise<number> {
  const before = await command();
  const answered = await graph();
  const after = await command();
  let values = 0;
  for (const [key, ad] of before) {
    const later = after.get(key);
    if (later === undefined) continue;
    const shown = answered.get(key);
    if (shown === undefined) throw new Error(`The graph lacks ${key}.`);
    for (const [name, value] of Object.entries(ad)) {
      if (JSON.stringify(value) !== JSON.stringify(later[name])) continue;
      expect([key, name, textOf(shown[name])]).toEqual([key, name, value]);
      values += 1;
    }
  }
  for (const key of answered.keys()) expect(before.has(key) || after.has(key), key).toBe(true);
  return values;
}

/** Expressions within values are objects in the graph. */
function textOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(textOf);
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === 'expression') return first[1];
  return Object.fromEntries(entries.map(([name, part]) => [name, textOf(part)]));
}
