/** What a table of fields says of each field: where it comes from, what it means, how it is read and pushed down. */
import type { Ad } from '../../classad/ad.js';
import type { HiddenNames } from './hidden.js';

/**
 * The field's value as the schedd computes it, by type. `boolean` is an expression that always gives a
 * Boolean; `cases` gives one such expression per value; `time` is in seconds, and 0 stands for never.
 */
export type Push =
  | { readonly type: 'string' | 'time' | 'boolean'; readonly expression: string }
  /** `whole`: an attribute that is never anything but an integer. */
  | { readonly type: 'number'; readonly expression: string; readonly whole?: boolean }
  /** A job id as text: equality becomes a search for its numbers. */
  | { readonly type: 'jobId'; readonly expression: string }
  | { readonly type: 'cases'; readonly cases: Readonly<Record<string, string>> };

/** How and when the ad was fetched: what some fields are computed with. */
export interface Fetched {
  readonly origin: 'QUEUE' | 'HISTORY';
  /** Epoch milliseconds. */
  readonly atMs: number;
}

export interface Field<T> {
  /** What has to be fetched to decode it. */
  readonly attributes: readonly string[];
  readonly meaning: string;
  readonly unit?: string;
  readonly nullWhen?: string;
  decode(ad: Ad, fetched: Fetched): T;
  /** Absent where no expression gives the same value: the filter is then evaluated here. */
  readonly push?: Push;
  /** False where grouping in the schedd can't give it (it depends on the clock, or is unique per job). */
  readonly countable?: boolean;
  /**
   * What becomes of it where one of its attributes is hidden. Null unless given; `value` where null won't do; `shown`
   * for what a row can't be without; `internal` is read for the rules of access, and null to clients.
   */
  readonly whenHidden?: 'shown' | 'internal' | { readonly value: T };
}

/** Whether clients may not know the field on a pool that hides these names. */
export const isHiddenField = (field: Field<unknown>, hidden: HiddenNames): boolean =>
  field.whenHidden !== 'shown' && field.attributes.some((name) => hidden.has(name));

export type FieldTable = Readonly<Record<string, Field<unknown>>>;

/** The sentence that the schema prints: meaning, unit, source attributes, when null. */
export function describe(field: Field<unknown>): string {
  const { meaning, unit, attributes, nullWhen } = field;
  return [
    meaning,
    ...(unit === undefined ? [] : [`Unit: ${unit}.`]),
    ...(attributes.length === 0 ? [] : [`From ${attributes.join(', ')}.`]),
    ...(nullWhen === undefined ? [] : [`Null ${nullWhen}.`]),
  ].join(' ');
}

type Meaning = Pick<Field<unknown>, 'meaning' | 'unit' | 'nullWhen'>;

/** A string attribute as it is. */
export const text = (attribute: string, about: Meaning): Field<string | null> => ({
  ...about,
  attributes: [attribute],
  decode: (ad) => ad.string(attribute),
  push: { type: 'string', expression: attribute },
});

/** A numeric attribute as it is; null where it arrives as an expression. */
export const number = (attribute: string, about: Meaning): Field<number | null> => ({
  ...about,
  attributes: [attribute],
  decode: (ad) => ad.number(attribute),
  push: { type: 'number', expression: attribute },
});

/** Seconds since the epoch as epoch milliseconds; 0 and less mean never. */
export const time = (attribute: string, about: Meaning): Field<number | null> => ({
  ...about,
  attributes: [attribute],
  decode: (ad) => timeOf(ad, attribute),
  push: { type: 'time', expression: attribute },
});

export function timeOf(ad: Ad, attribute: string): number | null {
  const seconds = ad.number(attribute);
  return seconds !== null && seconds > 0 ? seconds * 1000 : null;
}
