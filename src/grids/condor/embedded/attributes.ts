/** Ads of the embedded pool: made from plain values, and changed by making the next one. */
import { Ad, Expression, type AdValue } from '../../../classad/ad.js';
import { expressionMark, integerMark } from '../../../classad/marks.js';

/** Attributes by name; undefined takes one away. */
export type Attributes = Readonly<Record<string, AdValue | undefined>>;

export const adOf = (attributes: Attributes): Ad => changed(new Ad({}), attributes);

/** The ad with these attributes set: names that it has keep their spelling. */
export function changed(ad: Ad, attributes: Attributes): Ad {
  const names = new Map(ad.names().map((name) => [name.toLowerCase(), name]));
  const next = new Map(ad.names().map((name) => [name, raw(ad.get(name) ?? null)]));
  for (const [name, value] of Object.entries(attributes)) {
    const known = names.get(name.toLowerCase()) ?? name;
    names.set(name.toLowerCase(), known);
    if (value === undefined) next.delete(known);
    else next.set(known, raw(value));
  }
  return new Ad(Object.fromEntries(next));
}

/** What `Ad` holds: NUL marks what is no JSON, so a text can't have one. */
function raw(value: AdValue): unknown {
  if (value instanceof Expression) return `${expressionMark}${value.text})/`;
  if (typeof value === 'bigint') return `${integerMark}${value}`;
  if (typeof value === 'string') return value.replaceAll('\0', '');
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly AdValue[]).map(raw);
  return Object.fromEntries(
    Object.entries(value as Readonly<Record<string, AdValue>>).map(([name, part]) => [
      name,
      raw(part),
    ]),
  );
}
