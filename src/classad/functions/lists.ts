/** Functions of lists. */
import type { BinaryOperator } from '../ast.js';
import { byteLength } from '../bytes.js';
import { operate, promoted } from '../operators.js';
import { errorValue, isAd, isList } from '../value.js';
import type { ListValue, Value } from '../value.js';
import { ofValue, ofValues } from './function.js';
import type { ClassAdFunction, Evaluator } from './function.js';

const member = (operator: '==' | 'is'): ClassAdFunction =>
  ofValues(2, 2, ([wanted = null, list = null], evaluator) => {
    if (list === null || (operator === '==' && wanted === null)) return null;
    if (!isList(list) || isList(wanted) || isAd(wanted)) return errorValue;
    if (operator === '==' && wanted === errorValue) return errorValue;
    let compared: Value = wanted;
    for (const item of list.items) {
      const value = evaluator.item(item);
      if (evaluator.operate(operator, value, compared) === true) return true;
      if (operator === '==') compared = promoted(compared, value);
    }
    return false;
  });

/** What it costs to list a name of an ad, in steps of a match. */
const stepsAName = 4;

const size = ofValue((value, evaluator) => {
  if (value === null) return null;
  if (typeof value === 'string') return BigInt(byteLength(value));
  if (isList(value)) return BigInt(value.items.length);
  if (!isAd(value)) return errorValue;
  const { length } = [...value.scope.ad.names()];
  evaluator.spend(length * stepsAName);
  return BigInt(length);
});

const isNumber = (value: Value): boolean =>
  typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';

/** The defined items, which must be numbers; null where one is not. */
function numbers(list: ListValue, evaluator: Evaluator): Value[] | null {
  const found: Value[] = [];
  for (const item of list.items) {
    const value = evaluator.item(item);
    if (value === null) continue;
    if (!isNumber(value)) return null;
    found.push(value);
  }
  return found;
}

const ofNumbers = (body: (values: readonly Value[]) => Value): ClassAdFunction =>
  ofValue((list, evaluator) => {
    if (list === null) return null;
    const values = isList(list) ? numbers(list, evaluator) : null;
    return values === null ? errorValue : body(values);
  });

function sum([first = 0n, ...others]: readonly Value[]): Value {
  return others.reduce((total, value) => operate('+', total, value), first);
}

const average = (values: readonly Value[]): Value =>
  values.length === 0 ? 0n : operate('/', sum(values), values.length);

const bound =
  (operator: '<' | '>') =>
  ([first = null, ...others]: readonly Value[]): Value =>
    others.reduce(
      (best, value) =>
        operate(operator, value, best) === true ? promoted(value, best) : promoted(best, value),
      first,
    );

const comparisons: ReadonlyMap<Value, BinaryOperator> = new Map(
  (['<', '<=', '!=', '==', '>', '>=', 'is', 'isnt'] as const).map((name) => [name, name]),
);

const compareEach =
  (needed: 'any' | 'all'): ClassAdFunction =>
  ([nameArg, listArg, wantedArg, ...more], evaluator) => {
    if (!nameArg || !listArg || !wantedArg || more.length > 0) return errorValue;
    // Each is evaluated only where those before it are as they should be.
    const name = evaluator.evaluate(nameArg);
    if (name === null) return null;
    const operator = comparisons.get(name);
    if (operator === undefined) return errorValue;
    const list = evaluator.evaluate(listArg);
    if (list === null) return null;
    if (!isList(list)) return errorValue;
    let compared = evaluator.evaluate(wantedArg);
    for (const item of list.items) {
      const value = evaluator.item(item);
      const holds = evaluator.operate(operator, value, compared);
      if (operator !== 'is' && operator !== 'isnt') compared = promoted(compared, value);
      // An undefined comparison ends the search with false, whatever is needed.
      if (holds === null) return false;
      if (typeof holds !== 'boolean') return errorValue;
      if (holds === (needed === 'any')) return holds;
    }
    return needed === 'all';
  };

export const listFunctions: Readonly<Record<string, ClassAdFunction>> = {
  member: member('=='),
  identicalmember: member('is'),
  size,
  sum: ofNumbers(sum),
  avg: ofNumbers(average),
  min: ofNumbers(bound('<')),
  max: ofNumbers(bound('>')),
  anycompare: compareEach('any'),
  allcompare: compareEach('all'),
};
