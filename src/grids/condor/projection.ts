/** From a selection to `-attributes`, and from an ad to the fields that were selected. */
import type { Ad } from '../../classad/ad.js';
import type { Projection } from '../../query/plan.js';
import { checkName } from './attributes.js';
import { readBy } from './derived.js';
import { isHiddenField, type Fetched, type Field, type FieldTable } from './field.js';
import type { HiddenNames } from './hidden.js';

/**
 * The names to ask for, each once (a second spelling would collapse into the first), without hidden ones;
 * undefined for whole ads. `always` are the attributes that name the row, `beside` says what comes with one.
 */
export function attributesFor(
  projection: Projection,
  fields: FieldTable,
  always: readonly string[],
  hidden: HiddenNames,
  beside = readBy,
): readonly string[] | undefined {
  if (projection.attributes === 'all') return undefined;
  const names = new Map(always.map((name) => [name.toLowerCase(), name]));
  const add = (name: string): void => {
    const key = name.toLowerCase();
    if (!names.has(key)) names.set(key, name);
  };
  for (const [, field] of selected(projection, fields)) {
    if (!isHiddenField(field, hidden) || field.whenHidden === 'internal') {
      field.attributes.forEach(add);
    }
  }
  for (const name of projection.attributes) {
    checkName(name);
    for (const each of [name, ...beside(name)]) if (!hidden.has(each)) add(each);
  }
  return [...names.values()];
}

/** Sets the selected fields on a row; those that are computed from hidden attributes without their value. */
export function decoder(
  projection: Projection,
  fields: FieldTable,
  hidden: HiddenNames,
): (row: object, ad: Ad, fetched: Fetched) => void {
  const wanted = selected(projection, fields);
  const shown = wanted.filter(([, field]) => !isHiddenField(field, hidden));
  const withheld = wanted.flatMap(([name, field]) =>
    isHiddenField(field, hidden) ? [[name, valueWhenHidden(field)] as const] : [],
  );
  return (row, ad, fetched) => {
    const target = row as Record<string, unknown>;
    for (const [name, field] of shown) target[name] = field.decode(ad, fetched);
    for (const [name, value] of withheld) target[name] = value;
  };
}

const valueWhenHidden = ({ whenHidden }: Field<unknown>): unknown =>
  typeof whenHidden === 'object' ? whenHidden.value : null;

const selected = (projection: Projection, fields: FieldTable): [string, Field<unknown>][] =>
  [...projection.fields].flatMap((name) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return field === undefined ? [] : [[name, field] as [string, Field<unknown>]];
  });
