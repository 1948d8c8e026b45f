/**
 * Random expressions, evaluated here and by HTCondor: always the same ones, so that no change fails over another's
 * find. CLASSAD_RUNS=20000 runs more of them, CLASSAD_SEED=$RANDOM others. What differs on purpose is named in differences.test.ts and docs/classad.md.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import {
  adScope,
  ClassAdSyntaxError,
  evaluate,
  parseAd,
  parseExpression,
  print,
  printConstraint,
  valueText,
  type Expr,
} from '../../src/classad/index.js';
import type { Ad } from '../../src/classad/ad.js';
import { parseAds } from '../../src/classad/json.js';
import { adValue, scopeOf } from '../../src/classad/scope.js';
import { isAd, isList, isRelTime } from '../../src/classad/value.js';
import { describeReal } from '../real/index.js';
import { evaluable, failingCalls, mutated, myAd, spelled, targetAd, timeTexts } from './calls.js';
import { ask, type Answer } from './oracle.js';

const runs = Number(process.env['CLASSAD_RUNS'] ?? 2500);
const seed = Number(process.env['CLASSAD_SEED'] ?? 20_261_122);

const my = adScope(parseAd(myAd));
const target = adScope(parseAd(targetAd));

function answerOf(text: string, syntax: 'new' | 'old'): Answer {
  let expr: Expr;
  try {
    expr = parseExpression(text, { syntax });
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return { printed: null, value: null };
    throw error;
  }
  return { printed: print(expr, { form: 'condor' }), value: valueOf(expr) };
}

function valueOf(expr: Expr): string {
  const value = evaluate(expr, { my, target });
  if (!isList(value) && !isAd(value)) return valueText(value);
  return valueText(evaluate({ kind: 'call', name: 'string', args: [expr] }, { my, target }));
}

/** What is asked for an expression: a duration as text, since the Python module shows it as a real. */
function asked(expr: Expr): Expr {
  const value = evaluate(expr, { my, target });
  return isRelTime(value) ? { kind: 'call', name: 'string', args: [expr] } : expr;
}

/** Texts that HTCondor reads as something else than stands there, or in parts; here they are refused. */
const misread = /\.\s*\.|\d[xX]|\b0\d|\d{19}|[eE][+-]?\d{3}|\?/;

function isNear(one: string | null, other: string): boolean {
  const [a, b] = [Number(one), Number(other)];
  return Math.abs(a - b) <= Math.abs(b) * 4 * Number.EPSILON;
}

/** Whether it calls one of those that HTCondor 23 knows in one spelling only. */
const namesMisspelled = (text: string): boolean =>
  (text.match(/\bversion[a-z]+/gi) ?? []).some((name) => {
    const known = spelled[name.toLowerCase()];
    return known !== undefined && known !== name;
  });

const withoutGroups = (value: string | null): string | null => value?.replace(/[() ]/g, '') ?? null;

function isSame(text: string, here: Answer, there: Answer | null): boolean {
  // HTCondor crashed over it.
  if (there === null) return true;
  if (here.printed === null || there.printed === null) {
    return here.printed === there.printed || (here.printed === null && misread.test(text));
  }
  // Here the operands of `?:` get the parentheses on which all versions agree.
  if (!text.includes('?') && here.printed !== there.printed) return false;
  if (here.value === there.value || there.value === null) return true;
  // HTCondor 23 evaluates both sides of `?:`, and fails where one fails that nobody needs.
  if (there.failed === true && text.includes('?')) return true;
  // The same within a function that makes an error of what fails.
  if (there.value === 'error' && /\?.*Loop[AB]/.test(text)) return true;
  // Characters that a function cut through.
  if (here.value?.includes('\\357\\277\\275') === true) return true;
  // Possessive parts of patterns and groups that look around are refused.
  if (here.value === 'error' && /[*+?}]\+|\(\?[|=!<>]/.test(text)) return true;
  // Operands of `?:` that are shown as text.
  if (text.includes('?') && withoutGroups(here.value) === withoutGroups(there.value)) return true;
  // A pattern that is refused here for one part may be wrong there for another.
  if (here.value === 'error' && there.value === 'false' && /regexpmember/i.test(text)) return true;
  if (there.value === 'error' && namesMisspelled(text)) return true;
  // The last digit of a power depends on the library that computes it.
  if (/\bpow\(/i.test(text) && isNear(here.value, there.value)) return true;
  // Each has its own clock.
  if (/\btime\(\s*\)/i.test(text)) return true;
  // HTCondor goes on in the scope where it found, or didn't find, the first argument.
  return /(countmatches|evalineachcontext)\((?!(?:[IRSLNUEBX]|Loop[AB]|Requirements)\b)/i.test(
    text,
  );
}

/** What HTCondor 25 does otherwise than 23; here all is done as in 23. Each is a case below (src/grids/condor/versions.ts). */
const changes = {
  circular: /\bLoop[AB]\b|\b(\w) = [^;\]]*\b\1\b/i,
  elvis: /\?\s*:/,
  lateTimes: /(?:formattime|splittime)\([^)]*\d{10}/i,
  listedNumbers: /stringlist(?:avg|max|min|sum)\(.*\d\.?[a-z]/i,
};
/** Its Python module passes over what stands behind a `]` or `;`, and knows no comment at the end of a text. */
const readByModule = /[\];]|\/\/|\/\*/;

function differsIn25(text: string, here: Answer, there: Answer | null): boolean {
  if (Object.values(changes).some((change) => change.test(text))) return true;
  const readByOne = (here.printed === null) !== ((there?.printed ?? null) === null);
  return readByOne && readByModule.test(text);
}

/** Every attribute of captured ads, for each a job and a slot against each other. */
function capturedMatches(): { my: Ad; target: Ad }[] {
  const ads = (name: string): Ad[] => {
    const file = new URL(`../fixtures/htcondor/${name}`, import.meta.url);
    return parseAds(readFileSync(file, 'utf8'), { exactReals: true });
  };
  const jobs = [...ads('condor_q.all.json'), ...ads('condor_q.awkward.json')];
  const machines = ads('condor_status.any.json');
  const pairs = Array.from({ length: 6 }, (_, at) => {
    const job = jobs[at % jobs.length];
    const machine = machines[(at * 3) % machines.length];
    if (job === undefined || machine === undefined) throw new Error('The captured ads are empty.');
    return { my: job, target: machine };
  });
  return [...pairs, ...pairs.map(({ my: job, target: machine }) => ({ my: machine, target: job }))];
}

const bracketed = (ad: Ad): string => valueText(adValue(scopeOf(ad)));

describeReal('pool', `expressions against HTCondor (seed ${seed})`, (pool) => {
  let newer: boolean;
  beforeAll(async () => {
    // Local time is the pool's.
    process.env['TZ'] = 'UTC';
    const { stdout } = await pool.run(['condor_version']);
    newer = Number(/CondorVersion: (\d+)/.exec(stdout)?.[1]) > 23;
  });

  test.each([
    ['circular', 'LoopA', 'error', 'undefined'],
    ['elvis', '(false ?: 1 + absent)', 'false', 'undefined'],
    [
      'lateTimes',
      'formatTime(5000000000)',
      '"Tue May  5 02:25:04 1992"',
      '"Fri Jun 11 08:53:20 2128"',
    ],
    ['listedNumbers', 'stringListMax("2.0error")', '2.000000000000000E+00', 'error'],
  ] as const)('%s: %s is %s in 23 and here, %s in 25', async (change, text, in23, in25) => {
    expect(text).toMatch(changes[change]);
    expect(answerOf(text, 'new').value).toBe(in23);
    const [there] = await ask(pool, { my: myAd, target: targetAd, expressions: [text] });
    expect(there?.value).toBe(newer ? in25 : in23);
  });

  const differences = async (texts: readonly string[], syntax: 'new' | 'old' = 'new') => {
    const there = await ask(pool, { my: myAd, target: targetAd, expressions: texts, syntax });
    return texts
      .map((text, at) => ({ text, here: answerOf(text, syntax), there: there[at] ?? null }))
      .filter(({ text, here, there }) => !isSame(text, here, there))
      .filter(({ text, here, there }) => !newer || !differsIn25(text, here, there))
      .slice(0, 20);
  };

  test('values and their types are the same', { timeout: 120_000 }, async () => {
    const texts = fc.sample(evaluable, { numRuns: runs, seed }).map((expr) => print(asked(expr)));
    expect(await differences(texts)).toEqual([]);
  });

  test('what fails ends the whole, or not, in every function', { timeout: 120_000 }, async () => {
    expect(await differences([...new Set(failingCalls)])).toEqual([]);
  });

  test('times are the same', { timeout: 120_000 }, async () => {
    expect(await differences(timeTexts)).toEqual([]);
  });

  test(
    'captured jobs and machines see in each other what HTCondor sees',
    { timeout: 120_000 },
    async () => {
      for (const match of capturedMatches()) {
        const names = [
          ...match.my.names(),
          ...[...match.target.names()].map((name) => `TARGET.${name}`),
        ];
        const texts = [...names, 'MY.Requirements && TARGET.Requirements', 'Rank + TARGET.Rank'];
        const ads = { my: bracketed(match.my), target: bracketed(match.target) };
        const there = await ask(pool, { ...ads, expressions: texts });
        const here = texts.map((text) => valueText(evaluate(parseExpression(text), match)));
        const differing = texts.flatMap((text, at) => {
          const theirs = there[at]?.value ?? null;
          const isComposed = /^[[{]/.test(here[at] ?? '');
          return isComposed || theirs === here[at] ? [] : [{ text, here: here[at], theirs }];
        });
        expect(differing).toEqual([]);
      }
    },
  );

  test(
    'texts that were tampered with are read or refused alike',
    { timeout: 120_000 },
    async () => {
      expect(await differences(fc.sample(mutated, { numRuns: runs, seed }))).toEqual([]);
    },
  );

  test('the old syntax is read the same', { timeout: 120_000 }, async () => {
    const texts = fc
      .sample(evaluable, { numRuns: runs / 2, seed: seed + 1 })
      // In parentheses, since HTCondor passes over what stands behind a value in an ad.
      .map((expr) => `(${printConstraint(asked(expr))})`)
      // A line is an attribute.
      .filter((text) => !text.includes('\n'));
    expect(await differences(texts, 'old')).toEqual([]);
  });
});
