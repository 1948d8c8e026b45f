/** What a function is to the evaluator. */
import type { AttributeReference, Expr } from '../ast.js';
import type { EvaluationLimits } from '../limits.js';
import type { Scope } from '../scope.js';
import { errorValue } from '../value.js';
import type { Value } from '../value.js';

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
    return body(values, evaluator, name);
  };

/** One that takes a value and gives one. */
export const ofValue = (body: (value: Value, evaluator: Evaluator) => Value): ClassAdFunction =>
  ofValues(1, 1, ([value = null], evaluator) => body(value, evaluator));

/** Whether every one is a string. */
export const areStrings = (values: readonly Value[]): values is readonly string[] =>
  values.every((value) => typeof value === 'string');
