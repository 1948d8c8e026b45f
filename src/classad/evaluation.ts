/** Evaluates expressions in the scope of an ad, or of two ads in a match. */
import type {
  AttributeReference,
  Binary,
  BinaryOperator,
  Expr,
  LiteralValue,
  Subscript,
} from './ast.js';
import { lowerCase } from './bytes.js';
import { wrapped32 } from './convert.js';
import { Failure } from './failure.js';
import { functions } from './functions/index.js';
import { defaultEvaluationLimits } from './limits.js';
import type { EvaluationLimits } from './limits.js';
import { operate, operateUnary } from './operators.js';
import { adScope, adValue, matchScope, scopeOf } from './scope.js';
import type { AdScope, Scope } from './scope.js';
import { errorValue, isAd, isExpr, isList, isRelTime, listOf, truth } from './value.js';
import type { ListValue, Value } from './value.js';

export interface EvaluateOptions {
  /** The ad whose expression this is. Without it no attribute is defined. */
  readonly my?: AdScope;
  /** The other ad of a match. */
  readonly target?: AdScope;
  /** What `time()` says. @default the clock */
  readonly nowMs?: number;
  readonly limits?: Partial<EvaluationLimits>;
}

export function evaluate(expr: Expr, options: EvaluateOptions = {}): Value {
  return new Evaluation(options).run(expr);
}

/** HTCondor's rule for constraints: a job or slot matches where they are true, or a number but 0. */
export function matchesConstraint(expr: Expr, ad: AdScope, options: EvaluateOptions = {}): boolean {
  return truth(evaluate(expr, { ...options, my: ad })) === true;
}

/** How deep calls of `evaluate` nest, so that the stack never ends before the limits do. */
const maxNesting = 900;

/** What it costs to take an item out of a list, in steps of a match. */
const stepsAnItem = 4;

/** As many are compared in the time of a step. */
const charactersAStep = 16;

export class Evaluation {
  readonly nowMs: number;
  readonly limits: EvaluationLimits;
  /** The ad where bare names are looked for first. */
  scope: Scope | null;
  /** The outermost ad, where `.Name` is looked for. */
  root: Scope | null;
  private foundIn: Scope | null = null;
  private steps = 0;
  private nesting = 0;
  private depth = 0;
  private work = 0;

  constructor({ my, target, nowMs = Date.now(), limits }: EvaluateOptions) {
    this.nowMs = nowMs;
    this.limits =
      limits === undefined ? defaultEvaluationLimits : { ...defaultEvaluationLimits, ...limits };
    this.scope =
      my === undefined ? null : target === undefined ? scopeOf(my) : matchScope(my, target);
    this.root = outermost(this.scope);
  }

  run(expr: Expr): Value {
    try {
      return this.evaluate(expr);
    } catch (error) {
      if (error instanceof Failure) return errorValue;
      throw error;
    }
  }

  evaluate(expr: Expr): Value {
    if (expr.kind === 'literal') return literalValue(expr.value);
    this.steps += 1;
    this.nesting += 1;
    if (this.steps > this.limits.maxSteps || this.nesting > maxNesting) throw new Failure();
    const value = this.evaluateNode(expr);
    this.nesting -= 1;
    return value;
  }

  private evaluateNode(expr: Exclude<Expr, { kind: 'literal' }>): Value {
    switch (expr.kind) {
      case 'attribute':
        return this.attribute(expr);
      case 'unary':
        return operateUnary(expr.operator, this.evaluate(expr.operand));
      case 'binary':
        return this.binary(expr);
      case 'conditional': {
        const test = this.evaluate(expr.test);
        const bool = truth(test);
        if (bool === null) return test === null ? null : errorValue;
        return this.evaluate(bool ? expr.then : expr.otherwise);
      }
      case 'elvis':
        return this.evaluate(expr.left) ?? this.evaluate(expr.right);
      case 'subscript':
        return this.subscript(expr);
      case 'parentheses':
        return this.evaluate(expr.inner);
      case 'call': {
        const name = lowerCase(expr.name);
        const called = functions.get(name);
        return called === undefined ? errorValue : called(expr.args, this, name);
      }
      case 'list':
        return { type: 'list', items: expr.items, scope: this.scope ?? noScope };
      case 'ad':
        return adValue(scopeOf(adScope(expr), this.scope));
      default:
        return expr satisfies never;
    }
  }

  /** Chains of operators lean to the left and may be long: they are not descended into. */
  private binary(expr: Binary): Value {
    if (expr.left.kind !== 'binary') return this.combine(expr, this.evaluate(expr.left));
    const chain: Binary[] = [];
    let left: Expr = expr;
    while (left.kind === 'binary') {
      chain.push(left);
      left = left.left;
    }
    let value = this.evaluate(left);
    for (let above = chain.pop(); above !== undefined; above = chain.pop()) {
      this.steps += 1;
      value = this.combine(above, value);
    }
    return value;
  }

  private combine({ operator, right }: Binary, left: Value): Value {
    if (operator === '||' && truth(left) === true) return true;
    if (operator === '&&' && truth(left) === false) return false;
    return this.operate(operator, left, this.evaluate(right));
  }

  operate(operator: BinaryOperator, left: Value, right: Value): Value {
    if (typeof left === 'string' && typeof right === 'string') {
      this.spend(Math.ceil(Math.max(left.length, right.length) / charactersAStep));
    }
    return operate(operator, left, right);
  }

  /** What a bare or selected name holds, with `scope` set to where that is to be evaluated. */
  private attribute(expr: AttributeReference): Value {
    const content = this.dereference(expr);
    if (content === undefined) return null;
    return isExpr(content) ? this.evaluateIn(this.foundIn, content) : content;
  }

  /** The content of an attribute, unevaluated; undefined where there is none. */
  dereference({ name, base, absolute }: AttributeReference): Value | Expr | undefined {
    if (base !== null) return this.select(this.evaluate(base), name);
    const start = absolute ? this.root : this.scope;
    if (start === null) {
      if (absolute) throw new Failure();
      return undefined;
    }
    const content = this.lookup(name, start);
    if (content !== undefined || absolute || start.alternate === null) return content;
    return this.lookup(name, start.alternate);
  }

  private select(base: Value, name: string): Value | Expr | undefined {
    if (base === null) return null;
    if (isAd(base)) return this.lookup(name, base.scope);
    return isList(base) ? this.selectEach(base, name) : errorValue;
  }

  /** A name selected from a list is the list of what it is in each item. */
  private selectEach(list: ListValue, name: string): Value {
    const values = list.items.map((item) => {
      const content = this.select(this.item(item), name);
      if (content === undefined) return null;
      return isExpr(content) ? this.evaluateIn(this.foundIn, content) : content;
    });
    return { ...listOf(values), scope: noScope };
  }

  private lookup(name: string, start: Scope): Value | Expr | undefined {
    let current: Scope | null = start;
    while (current !== null) {
      this.foundIn = current;
      const content = current.ad.lookup(name);
      if (content !== undefined) return content;
      const around: Scope | null = current === this.root ? null : current.parent;
      const special = this.special(name, current, around);
      if (special !== undefined) return special;
      current = around;
    }
    return undefined;
  }

  /** Names that mean something where no attribute has them. */
  private special(name: string, current: Scope, around: Scope | null): Value | undefined {
    if (!specialLengths.has(name.length)) return undefined;
    switch (lowerCase(name)) {
      case 'my':
      case 'self':
        return adValue(current);
      case 'parent':
        return around === null ? undefined : adValue(around);
      case 'root':
      case 'toplevel':
        if (this.root === null) throw new Failure();
        return adValue(this.root);
      case 'currenttime':
        return BigInt(Math.floor(this.nowMs / 1000));
      default:
        return undefined;
    }
  }

  private subscript({ base, index }: Subscript): Value {
    const [container, key] = [this.evaluate(base), this.evaluate(index)];
    if (container === errorValue || key === errorValue) return errorValue;
    if (container === null || key === null) return null;
    if (isAd(container) && typeof key === 'string') return this.attributeOf(container.scope, key);
    if (!isList(container) || typeof key !== 'bigint') return errorValue;
    const item = container.items[wrapped32(key)];
    if (item === undefined) return errorValue;
    if (!isExpr(item)) return item;
    return this.orError(() => this.evaluateIn(realScope(container.scope), item));
  }

  private attributeOf(scope: Scope, name: string): Value {
    const before = this.root;
    this.root = outermost(scope);
    const value = this.orError(() => {
      const content = scope.ad.lookup(name);
      if (content === undefined) return null;
      return isExpr(content) ? this.evaluateIn(scope, content) : content;
    });
    this.root = before;
    return value;
  }

  /** An item of a list as functions see it: evaluated where the function stands. */
  item(item: Expr | Value): Value {
    this.spend(stepsAnItem);
    return isExpr(item) ? this.evaluate(item) : item;
  }

  evaluateIn(scope: Scope | null, expr: Expr): Value {
    if (expr.kind === 'literal') return literalValue(expr.value);
    if (this.depth >= this.limits.maxDepth) throw new Failure();
    this.depth += 1;
    const before = this.scope;
    this.scope = scope;
    const value = this.evaluate(expr);
    this.scope = before;
    this.depth -= 1;
    return value;
  }

  /** For who evaluates many expressions with the limits of one: what fails is an error of each alone. */
  valueIn(scope: Scope | null, content: Expr | Value): Value {
    this.steps += 1;
    if (this.isSpent()) return errorValue;
    try {
      return isExpr(content) ? this.orError(() => this.evaluateIn(scope, content)) : content;
    } catch (error) {
      if (error instanceof Failure) return errorValue;
      throw error;
    }
  }

  private isSpent(): boolean {
    return this.steps > this.limits.maxSteps || this.work > this.limits.maxWork;
  }

  /** Counts what a function does to long texts, so that all of it together is bounded. */
  spend(units: number): void {
    this.work += units;
    if (this.work > this.limits.maxWork) throw new Failure();
  }

  /** For the few places where an evaluation that failed is an error of that place alone. */
  orError(evaluate: () => Value): Value {
    const { scope, root, nesting, depth } = this;
    try {
      return evaluate();
    } catch (error) {
      if (!(error instanceof Failure) || this.isSpent()) throw error;
      Object.assign(this, { scope, root, nesting, depth });
      return errorValue;
    }
  }
}

/** A duration that is written evaluates to a real, in HTCondor; only `relTime()` of a number makes a duration. */
const literalValue = (value: LiteralValue): Value => (isRelTime(value) ? value.secs : value);

const specialLengths: ReadonlySet<number> = new Set(
  ['my', 'self', 'parent', 'toplevel', 'currenttime'].map((name) => name.length),
);

/** Marks a list that was written, where there is no ad around it. */
const noScope: Scope = scopeOf({ lookup: () => undefined, names: () => [] });

const realScope = (scope: Scope | null): Scope | null => (scope === noScope ? null : scope);

function outermost(scope: Scope | null): Scope | null {
  let current = scope;
  while (current?.parent != null) current = current.parent;
  return current;
}
