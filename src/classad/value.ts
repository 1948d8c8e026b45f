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

/** A list; its items are evaluated when they are looked at, in the scope the list was written in. */
export interface ListValue {
  readonly type: 'list';
  readonly items: readonly Expr[];
  readonly scope: Scope | null;
}

/** A nested ad, or one of the two ads themselves (`MY`, `TARGET`). */
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
