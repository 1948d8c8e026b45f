/** From a selection to `-attributes`, and from an ad to the fields that were selected. */
import type { Ad } from '../../classad/ad.js';
import type { Projection } from '../../query/plan.js';
import { checkName, isHidden } from './attributes.js';
import type { Fetched, Field, FieldTable } from './field.js';

/**
 * The names to ask for, each once (a second spelling would collapse into the first), without hidden ones;
 * undefined for whole ads. `always` are the attributes that name the row.
 */
export function attributesFor(
  projection: Projection,
  fields: FieldTable,
  always: readonly string[],
): readonly string[] | undefined {
  if (projection.attributes === 'all') return undefined;
  const names = new Map(always.map((name) => [name.toLowerCase(), name]));
  const add = (name: string): void => {
    const key = name.toLowerCase();
    if (!names.has(key)) names.set(key, name);
  };
  for (const [, field] of selected(projection, fields)) field.attributes.forEach(add);
  for (const name of projection.attributes) {
    checkName(name);
    if (!isHidden(name)) add(name);
  }
  return [...names.values()];
}

/** Sets the selected fields on a row. */
export function decoder(
  projection: Projection,
  fields: FieldTable,
): (row: object, ad: Ad, fetched: Fetched) => void {
  const wanted = selected(projection, fields);
  return (row, ad, fetched) => {
    const target = row as Record<string, unknown>;
    for (const [name, field] of wanted) target[name] = field.decode(ad, fetched);
  };
}

const selected = (projection: Projection, fields: FieldTable): [string, Field<unknown>][] =>
  [...projection.fields].flatMap((name) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return field === undefined ? [] : [[name, field] as [string, Field<unknown>]];
  });
