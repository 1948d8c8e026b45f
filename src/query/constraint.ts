/**
 * Constraints of clients: ClassAd expressions, parsed, limited and made canonical before anything is asked. What is
 * printed again here is what a grid gets; what is refused here, no grid can be tricked into.
 */
import {
  attributeRefs,
  ClassAdSyntaxError,
  literal,
  parseConstraint as parse,
  printConstraint as print,
  reachesUnnamed,
  type Expr,
} from '../classad/index.js';
import { GridError } from '../errors.js';
import { patternProblem } from './pattern.js';

/** Passes where it is true: not where it is undefined, an error, or a number. */
export interface Constraint {
  readonly expr: Expr;
  /** Canonical, on its own: to be put in parentheses. */
  readonly text: string;
  /** Every attribute that it names, in the ad or nested in it. */
  readonly names: readonly string[];
}

export const constraintLimits = { maxLength: 8192, maxDepth: 50, maxItems: 1000 } as const;

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

/** Functions with one result for one ad, wherever and whenever they are evaluated, that can't make large values. */
export const constraintFunctions = words(
  `isboolean isclassad iserror isinteger islist isreal isstring isundefined
  bool ceil ceiling floor ifthenelse int pow quantize real round string time
  size splitslotname splitusername strcat strcmp stricmp substr tolower toupper
  allcompare anycompare avg identicalmember max member min sum
  regexp regexpmember stringlist_regexpmember
  stringlistavg stringlistimember stringlistmax stringlistmember stringlistmin stringlistsize stringlistsum
  stringlistsubsetmatch stringlistisubsetmatch stringlistsintersect
  version_in_range versioncmp versioneq versionge versiongt versionle versionlt`,
);

/** The first argument is a regular expression. */
const patternFunctions = words('regexp regexpmember stringlist_regexpmember');

/** Where a list may be written: elsewhere its text could be put into lists again and again. */
const listFunctions = words(
  'allcompare anycompare avg identicalmember max member min regexpmember size sum',
);

/** Each of these may double the quotes in what the one inside it makes. */
const textFunctions = words('splitslotname splitusername strcat string');
const maxTextNesting = 4;

/** Names that are an ad where HTCondor evaluates them. */
const adNames = words('ad left lctx my other parent rctx right root self target toplevel');

/** Throws BAD_FILTER with what was expected, and where. Times are those of this moment, on every grid. */
export function parseConstraint(text: string, nowMs = Date.now()): Constraint {
  try {
    const written = parse(text, { ...constraintLimits, functions: constraintFunctions });
    const expr = checked(written, { nowSecs: BigInt(Math.floor(nowMs / 1000)), textNesting: 0 });
    const unnamed = reachesUnnamed(expr);
    if (unnamed !== null) throw refused(unnamed);
    const canonical = print(expr);
    // What is sent has to be read back as what was checked.
    if (print(parse(canonical, { maxLength: Infinity })) !== canonical) {
      throw refused('an expression that can not be written in one way');
    }
    return { expr, text: canonical, names: namesOf(expr) };
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    throw new GridError('BAD_FILTER', `In the constraint: ${error.message}\n${error.caret}`, {
      cause: error,
    });
  }
}

const namesOf = (expr: Expr): readonly string[] => [
  ...new Set(attributeRefs(expr).map(({ name }) => name)),
];

interface Context {
  readonly nowSecs: bigint;
  readonly textNesting: number;
}

/** The same tree without scopes and clocks; refuses what may not stand in a constraint. */
function checked(expr: Expr, context: Context, listAllowed = false): Expr {
  const part = (inner: Expr): Expr => checked(inner, context);
  switch (expr.kind) {
    case 'literal':
      if (expr.value !== null && typeof expr.value === 'object' && expr.value.type !== 'error') {
        throw refused('a ClassAd time; times are seconds since 1970');
      }
      return expr;
    case 'attribute': {
      if (expr.absolute) throw refused(`.${shown(expr.name)}: an attribute is named without scope`);
      if (expr.base === null) return bareName(expr, context);
      if (isMy(expr.base)) return checked({ ...expr, base: null }, context);
      return { ...expr, base: part(expr.base) };
    }
    case 'unary':
      return { ...expr, operand: part(expr.operand) };
    case 'binary':
      return binaryChain(expr, context);
    case 'conditional':
      return {
        ...expr,
        test: part(expr.test),
        then: part(expr.then),
        otherwise: part(expr.otherwise),
      };
    case 'elvis':
      return { ...expr, left: part(expr.left), right: part(expr.right) };
    case 'subscript':
      if (
        isMy(expr.base) &&
        expr.index.kind === 'literal' &&
        typeof expr.index.value === 'string'
      ) {
        const { value: name } = expr.index;
        return checked({ kind: 'attribute', name, base: null, absolute: false }, context);
      }
      return { ...expr, base: part(expr.base), index: part(expr.index) };
    case 'parentheses':
      return { ...expr, inner: checked(expr.inner, context, listAllowed) };
    case 'call':
      return checkedCall(expr, context);
    case 'list':
      if (!listAllowed)
        throw refused('a list anywhere but as an argument of functions such as member()');
      return { ...expr, items: expr.items.map(part) };
    case 'ad':
      throw refused('a nested ad');
    default:
      return expr satisfies never;
  }
}

type Of<Kind extends Expr['kind']> = Extract<Expr, { readonly kind: Kind }>;

/** Chains of operators lean to the left and may be long: they are not descended into. */
function binaryChain(expr: Of<'binary'>, context: Context): Expr {
  const chain: Of<'binary'>[] = [];
  let left: Expr = expr;
  while (left.kind === 'binary') {
    chain.push(left);
    left = left.left;
  }
  return chain.reduceRight<Expr>(
    (built, each) => ({ ...each, left: built, right: checked(each.right, context) }),
    checked(left, context),
  );
}

function checkedCall(expr: Of<'call'>, context: Context): Expr {
  const name = expr.name.toLowerCase();
  if (name === 'time') {
    if (expr.args.length > 0) throw refused('an argument of time()');
    return literal(context.nowSecs);
  }
  if (patternFunctions.has(name)) checkPattern(name, expr.args);
  const nests = textFunctions.has(name);
  const textNesting = context.textNesting + (nests ? 1 : 0);
  if (textNesting > maxTextNesting)
    throw refused(`more than ${maxTextNesting} of ${name}() in each other`);
  const lists = listFunctions.has(name);
  const args = expr.args.map((arg) => checked(arg, { ...context, textNesting }, lists));
  return { ...expr, args };
}

/** A pattern out of an ad, or one that runs away, would cost the grid a fifth of a second for each row. */
function checkPattern(name: string, args: readonly Expr[]): void {
  args.forEach((arg, i) => {
    if (i === 1) return;
    if (arg.kind !== 'literal' || typeof arg.value !== 'string') {
      throw refused(`a pattern or option of ${name}() that is no string as it stands`);
    }
  });
  const [pattern] = args;
  if (pattern?.kind !== 'literal' || typeof pattern.value !== 'string') return;
  const problem = patternProblem(pattern.value);
  if (problem !== null) throw refused(`this pattern of ${name}(): ${problem}`);
}

function bareName(expr: Of<'attribute'>, { nowSecs }: Context): Expr {
  const name = expr.name.toLowerCase();
  if (name === 'currenttime') return literal(nowSecs);
  if (adNames.has(name)) throw refused(`${shown(expr.name)}: an attribute is named without scope`);
  return expr;
}

function isMy(expr: Expr): boolean {
  let inner = expr;
  while (inner.kind === 'parentheses') inner = inner.inner;
  return (
    inner.kind === 'attribute' &&
    inner.base === null &&
    !inner.absolute &&
    inner.name.toLowerCase() === 'my'
  );
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 40));

const refused = (what: string): GridError =>
  new GridError('BAD_FILTER', `A constraint may not hold ${what}.`);
