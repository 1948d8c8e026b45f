import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ad, Expression } from '../../src/classad/ad.js';
import { parseAds } from '../../src/classad/json.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/htcondor/${name}`, import.meta.url), 'utf8');

const adOf = (json: string): Ad => {
  const [ad] = parseAds(`[${json}]`);
  if (ad === undefined) throw new Error('No ad came.');
  return ad;
};

describe('the JSON form of ads', () => {
  test('an expression is told from a string that looks like one', () => {
    const ad = adOf(String.raw`{"A": "\/Expr(MyInt + 1)\/", "B": "/Expr(x)/"}`);
    expect(ad.get('A')).toEqual(new Expression('MyInt + 1'));
    expect(ad.get('B')).toBe('/Expr(x)/');
  });

  test('the text of an expression is unescaped', () => {
    const ad = adOf(String.raw`{"A": "\/Expr(regexp(\"^a\\\\.b\", Owner))\/"}`);
    expect(ad.get('A')).toEqual(new Expression(String.raw`regexp("^a\\.b", Owner)`));
  });

  test('integers beyond 2^53 keep every digit, those below stay numbers', () => {
    const ad = adOf(
      '{"Max": 9223372036854775807, "Min": -9223372036854775808, "Safe": 9007199254740991, "Odd": 9007199254740993}',
    );
    expect(ad.get('Max')).toBe(9223372036854775807n);
    expect(ad.get('Min')).toBe(-9223372036854775808n);
    expect(ad.get('Safe')).toBe(9007199254740991);
    expect(ad.get('Odd')).toBe(9007199254740993n);
  });

  test('long digits in strings and in reals are left alone', () => {
    const ad = adOf('{"S": "12345678901234567890", "R": 0.12345678901234567, "E": 1.5E-10}');
    expect(ad.get('S')).toBe('12345678901234567890');
    expect(ad.get('R')).toBe(Number('0.12345678901234567'));
    expect(ad.get('E')).toBe(1.5e-10);
  });

  test('lists and nested ads are revived all through', () => {
    const ad = adOf(
      String.raw`{"L": [1, "\/Expr(error)\/", [9223372036854775807]], "N": {"a": {"b": "\/Expr(x)\/"}}}`,
    );
    expect(ad.get('L')).toEqual([1, new Expression('error'), [9223372036854775807n]]);
    expect(ad.get('N')).toEqual({ a: { b: new Expression('x') } });
  });

  test('any string comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.startsWith('\u0000'));
        expect(adOf(JSON.stringify({ S: text, N: 1e16 })).get('S')).toBe(text);
      }),
    );
  });

  test('the awkward job reads right', () => {
    const [ad] = parseAds(fixture('condor_q.awkward.json'));
    expect(ad?.get('MyFakeExpr')).toBe('/Expr(1+1)/');
    expect(ad?.get('MyExpr')).toEqual(new Expression('MyInt + 1'));
    expect(ad?.get('MyBigInt')).toBe(9223372036854775807n);
    expect(ad?.get('MyUndefined')).toBeNull();
  });
});

describe('an ad', () => {
  const ad = new Ad({ Owner: 'alice', RequestCpus: 2, constructor: 'own' });

  test('finds attributes in any case', () => {
    expect(ad.get('owner')).toBe('alice');
    expect(ad.get('OWNER')).toBe('alice');
    expect(ad.has('requestcpus')).toBe(true);
  });

  test('has no attributes but its own', () => {
    expect(new Ad({}).get('constructor')).toBeUndefined();
    expect(new Ad({}).get('__proto__')).toBeUndefined();
    expect(ad.get('Constructor')).toBe('own');
  });

  test('gives a value under its type alone', () => {
    expect(ad.string('RequestCpus')).toBeNull();
    expect(ad.number('Owner')).toBeNull();
    expect(ad.boolean('RequestCpus')).toBeNull();
  });
});
