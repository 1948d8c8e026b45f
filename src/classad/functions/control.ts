/** Functions that decide what is evaluated, or look at an expression instead of its value. */
import type { AttributeReference, Expr } from '../ast.js';
import { Failure } from '../failure.js';
import { parseExpression } from '../parser.js';
import { prettyText } from '../pretty.js';
import { compileRegex } from '../regex/regex.js';
import { ClassAdSyntaxError } from '../syntax-error.js';
import { unresolvedNames } from '../unresolved.js';
import { errorValue, isAd, isExpr, isList, truth } from '../value.js';
import type { Value } from '../value.js';
import { ofValues, textOf } from './function.js';
import type { ClassAdFunction, Evaluator } from './function.js';

const ifThenElse: ClassAdFunction = (args, evaluator) => {
  const [test, then, otherwise] = args;
  if (args.length !== 3 || !test || !then || !otherwise) return errorValue;
  const value = evaluator.evaluate(test);
  const bool = truth(value);
  if (bool === null) return value === null ? null : errorValue;
  return evaluator.evaluate(bool ? then : otherwise);
};

/** What it costs to read a character, in steps of a match. */
const stepsToRead = 8;

/** Text evaluated as an expression where the function stands. */
const evaluateText: ClassAdFunction = (args, evaluator) => {
  const [only] = args;
  if (args.length !== 1 || !only) return errorValue;
  const text = textOf(evaluator.evaluate(only), evaluator);
  if (typeof text !== 'string') return errorValue;
  evaluator.spend(text.length * stepsToRead);
  const expr = parsed(text);
  return expr === null ? errorValue : evaluator.evaluateIn(evaluator.scope, expr);
};

function parsed(text: string): Expr | null {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return null;
    throw error;
  }
}

/** The expression that an attribute holds, as text. Only of a bare name in the ad itself. */
const unparse: ClassAdFunction = ([only, ...others], evaluator) => {
  if (only?.kind !== 'attribute' || others.length > 0) return errorValue;
  const bare = only.base === null && !only.absolute;
  const content = bare ? evaluator.scope?.ad.lookup(only.name) : undefined;
  const text = content === undefined ? '' : prettyText(content);
  evaluator.spend(text.length);
  return text;
};

/** Names that an attribute's expression needs and the ad doesn't have; with a pattern, whether one matches. */
const unresolved: ClassAdFunction = (args, evaluator) => {
  const [attribute, pattern] = args;
  if (attribute?.kind !== 'attribute' || args.length > 2) return errorValue;
  const content = evaluator.dereference(attribute);
  if (content === undefined) return null;
  const names = isExpr(content) ? unresolvedNames(content, evaluator) : [];
  if (pattern === undefined) return names.join(',');
  const text = evaluator.evaluate(pattern);
  if (typeof text !== 'string') throw new Failure();
  const regex = compileRegex(text, 'i', evaluator);
  return typeof regex === 'string' ? errorValue : names.some((name) => regex.test(name, evaluator));
};

/** Prints what it evaluates to the log, in HTCondor; here it only evaluates. */
const debug = ofValues(1, 1, ([value = null]) => value);

/** Looks into the host's list of users and into its files: not the business of an expression. */
const refused: ClassAdFunction = () => errorValue;

/** How often an expression is true in the ads of a list, or what it is in each. */
const inEach =
  (body: (values: readonly Value[]) => Value, ofUndefined: Value): ClassAdFunction =>
  (args, evaluator) => {
    const [expr, ads] = args;
    if (args.length !== 2 || !expr || !ads) return errorValue;
    const list = evaluator.orError(() => evaluator.evaluate(ads));
    if (list === null) return ofUndefined;
    if (!isList(list)) return errorValue;
    const tested = expr.kind === 'attribute' ? dereferenced(expr, evaluator) : expr;
    return body(
      list.items.map((item) =>
        valueIn(
          evaluator.orError(() => evaluator.item(item)),
          tested,
          evaluator,
        ),
      ),
    );
  };

/** A name that is found here stands for what it holds, one that is not for itself. */
function dereferenced(attribute: AttributeReference, evaluator: Evaluator): Expr {
  let content: Value | Expr | undefined;
  evaluator.orError(() => {
    content = evaluator.dereference(attribute);
    return null;
  });
  if (content === undefined) return attribute;
  if (isExpr(content)) return content;
  return isList(content) || isAd(content) ? attribute : { kind: 'literal', value: content };
}

function valueIn(ad: Value, expr: Expr, evaluator: Evaluator): Value {
  if (ad === null) return null;
  if (!isAd(ad)) return errorValue;
  const { scope } = ad;
  const alternate = scope.alternate ?? scope.parent?.alternate ?? null;
  return evaluator.orError(() => evaluator.evaluateIn({ ...scope, alternate }, expr));
}

export const controlFunctions: Readonly<Record<string, ClassAdFunction>> = {
  ifthenelse: ifThenElse,
  eval: evaluateText,
  unparse,
  unresolved,
  debug,
  userhome: refused,
  usermap: refused,
  evalineachcontext: inEach((values) => ({ type: 'list', items: values, scope: null }), null),
  countmatches: inEach(
    (values) => BigInt(values.filter((value) => truth(value) === true).length),
    0n,
  ),
};
