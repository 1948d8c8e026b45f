/** What the attributes of ads come to, in an ad alone or in a match. */
import { Expression, type Ad, type AdValue } from '../../../classad/ad.js';
import {
  adOf,
  attribute,
  ClassAdSyntaxError,
  evaluate,
  fromAdValue,
  parseExpression,
  print,
  type Expr,
  type Value,
} from '../../../classad/index.js';
import { GridError } from '../../../errors.js';

/** Steps of one evaluation: a pool of ten thousand jobs looks at many. */
const limits = { maxSteps: 5_000 };

/** True where the attribute says so: a number other than 0 does too, undefined and error don't. */
export function truth(my: Ad, name: string, target?: Ad): boolean {
  const value = evaluated(my, name, target);
  return value === true || ((typeof value === 'bigint' || typeof value === 'number') && !!value);
}

export function numberOf(my: Ad, name: string, target?: Ad): number | undefined {
  const value = evaluated(my, name, target);
  const number = typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Looked up in the ad itself, whatever the other one has of that name. */
const evaluated = (my: Ad, name: string, target: Ad | undefined): Value =>
  evaluate(attribute(name, attribute('MY')), { my, ...(target && { target }), limits });

/** The attribute as text; two ads with the same text have the same value there. */
export function textOf(ad: Ad, name: string): string {
  const value = ad.get(name);
  if (value instanceof Expression) return value.text;
  return value === undefined ? 'undefined' : print(fromAdValue(value));
}

/** An expression as it stands in an ad; undefined where it is none. */
export function parsed(text: string): Expr | undefined {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return undefined;
    throw error;
  }
}

/** What a submit description says; BAD_USER_INPUT where the text is no expression, with the name of it. */
export function expressionOf(name: string, text: string): Expr {
  try {
    return parseExpression(text, { syntax: 'old' });
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    throw new GridError('BAD_USER_INPUT', `${name} is no ClassAd expression: ${error.message}`);
  }
}

/** A constant, or the expression to be kept. */
export const expressionValue = (name: string, text: string): AdValue =>
  adOf({ kind: 'ad', attributes: [{ name, value: expressionOf(name, text) }] }).get(name) ?? null;
