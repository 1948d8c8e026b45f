/** What a function is to the evaluator. */
import type { AttributeReference, BinaryOperator, Expr } from '../ast.js';
import { toText } from '../convert.js';
import type { EvaluationLimits } from '../limits.js';
import type { Scope } from '../scope.js';
import { errorValue } from '../value.js';
import type { ErrorValue, Value } from '../value.js';

/** The evaluation a function is called in. */
export interface Evaluator {
  readonly nowMs: number;
  readonly limits: EvaluationLimits;
  readonly scope: Scope | null;
  readonly root: Scope | null;
  evaluate(expr: Expr): Value;
  /** An item of a list. */
  item(item: Expr | Value): Value;
  evaluateIn(scope: Scope | null, expr: Expr): Value;
  operate(operator: BinaryOperator, left: Value, right: Value): Value;
  /** The content of an attribute, unevaluated. */
  dereference(attribute: AttributeReference): Value | Expr | undefined;
  /** Counts characters made and steps taken; ends the evaluation where they are too many. */
  spend(units: number): void;
  orError(evaluate: () => Value): Value;
}

/** Arguments come unevaluated; the name in lower case, since some functions share one body. */
export type ClassAdFunction = (args: readonly Expr[], evaluator: Evaluator, name: string) => Value;

type Body = (values: readonly Value[], evaluator: Evaluator, name: string) => Value;

/** A function of evaluated arguments, an error with another number of them. */
export const ofValues =
  (least: number, most: number, body: Body): ClassAdFunction =>
  (args, evaluator, name) => {
    if (args.length < least || args.length > most) return errorValue;
    const values = args.map((arg) => evaluator.evaluate(arg));
    spendOn(values, evaluator);
    return body(values, evaluator, name);
  };

/** Texts cost their length: a function may go through all of each. */
export function spendOn(values: readonly Value[], evaluator: Evaluator): void {
  for (const value of values) if (typeof value === 'string') evaluator.spend(value.length);
}

/** What `toText` makes, and what it costs to make it. */
export function textOf(value: Value, evaluator: Evaluator): string | null | ErrorValue {
  const text = toText(value);
  if (typeof value !== 'string' && typeof text === 'string') evaluator.spend(text.length);
  return text;
}

/** One that takes a value and gives one. */
export const ofValue = (body: (value: Value, evaluator: Evaluator) => Value): ClassAdFunction =>
  ofValues(1, 1, ([value = null], evaluator) => body(value, evaluator));

/** Whether every one is a string. */
export const areStrings = (values: readonly Value[]): values is readonly string[] =>
  values.every((value) => typeof value === 'string');
