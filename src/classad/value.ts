/** What an expression evaluates to. */
import type { Expr } from './ast.js';
import type { Scope } from './scope.js';

/** An instant with the offset it is shown in. */
export interface AbsTime {
  readonly type: 'absTime';
  readonly secs: number;
  readonly offsetSecs: number;
}

/** A duration. */
export interface RelTime {
  readonly type: 'relTime';
  readonly secs: number;
}

/** The value `error`; there is only `errorValue`. */
export interface ErrorValue {
  readonly type: 'error';
}

/** A list; its items are evaluated when they are looked at. */
export interface ListValue {
  readonly type: 'list';
  readonly items: readonly (Expr | Value)[];
  /** Where the list was written; null where a function made it. */
  readonly scope: Scope | null;
}

/** A nested ad, or one of the ads of a match (`MY`, `TARGET`). */
export interface AdScopeValue {
  readonly type: 'ad';
  readonly scope: Scope;
}

/** `bigint` is an integer of 64 bits, `number` a real, `null` undefined. */
export type Value =
  | boolean
  | bigint
  | number
  | string
  | null
  | ErrorValue
  | AbsTime
  | RelTime
  | ListValue
  | AdScopeValue;

export const errorValue: ErrorValue = Object.freeze({ type: 'error' });

export const isError = (value: unknown): value is ErrorValue => value === errorValue;

export const absTime = (secs: number, offsetSecs: number): AbsTime => ({
  type: 'absTime',
  secs,
  offsetSecs,
});

export const relTime = (secs: number): RelTime => ({ type: 'relTime', secs });

/** A list of what is already evaluated. */
export const listOf = (items: readonly Value[]): ListValue => ({
  type: 'list',
  items,
  scope: null,
});

export function isList(value: Value): value is ListValue {
  return typeof value === 'object' && value !== null && value.type === 'list';
}

export function isAd(value: Value): value is AdScopeValue {
  return typeof value === 'object' && value !== null && value.type === 'ad';
}

export function isAbsTime(value: Value): value is AbsTime {
  return typeof value === 'object' && value !== null && value.type === 'absTime';
}

export function isRelTime(value: Value): value is RelTime {
  return typeof value === 'object' && value !== null && value.type === 'relTime';
}

/** Tells what is still to be evaluated from what it evaluates to. */
export function isExpr(content: Expr | Value): content is Expr {
  return typeof content === 'object' && content !== null && 'kind' in content;
}

/** True or false for a boolean and for any number, which is true unless it is 0; null for all else. */
export function truth(value: Value): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  return typeof value === 'number' ? value !== 0 : null;
}
