/** Reads expressions and ads: the grammar and precedence of HTCondor, bounded in length, depth and width. */
import { isPostfix, literal, parentheses } from './ast.js';
import type { AdAttribute, AdExpr, BinaryOperator, Expr } from './ast.js';
import { lowerCase } from './bytes.js';
import { Lexer } from './lexer.js';
import type { Sign, Syntax, Token } from './lexer.js';
import { defaultSyntaxLimits } from './limits.js';
import type { SyntaxLimits } from './limits.js';
import { compareNames } from './scope.js';
import { ClassAdSyntaxError } from './syntax-error.js';
import { timeLiteral } from './time-text.js';
import { errorValue } from './value.js';

export interface ParseOptions extends Partial<SyntaxLimits> {
  /** @default 'new' */
  readonly syntax?: Syntax;
}

/** One expression and nothing behind it. */
export function parseExpression(text: string, options: ParseOptions = {}): Expr {
  const parser = new Parser(text, options);
  const expr = parser.expression();
  parser.end('an operator or the end');
  return expr;
}

/** A constraint as the commands take it (`condor_q -constraint`): an expression in the old syntax. */
export const parseConstraint = (text: string, limits: Partial<SyntaxLimits> = {}): Expr =>
  parseExpression(text, { ...limits, syntax: 'old' });

/** An ad in brackets: `[ A = 1; B = A + 1 ]`. */
export function parseBracketedAd(text: string, options: ParseOptions = {}): AdExpr {
  const parser = new Parser(text, options);
  const ad = parser.ad();
  parser.end('the end');
  return ad;
}

/** Operators of one level are read from left to right; a level binds tighter than the one before it. */
const levels: readonly Readonly<Partial<Record<Sign, BinaryOperator>>>[] = [
  { '||': '||' },
  { '&&': '&&' },
  { '|': '|' },
  { '^': '^' },
  { '&': '&' },
  { '==': '==', '!=': '!=', '=?=': 'is', '=!=': 'isnt' },
  { '<': '<', '<=': '<=', '>': '>', '>=': '>=' },
  { '<<': '<<', '>>': '>>', '>>>': '>>>' },
  { '+': '+', '-': '-' },
  { '*': '*', '/': '/', '%': '%' },
];

const levelOf = new Map<BinaryOperator, number>(
  levels.flatMap((level, at) => Object.values(level).map((operator) => [operator, at] as const)),
);

/** Lower binds looser. */
export const precedence = (operator: BinaryOperator): number => levelOf.get(operator) ?? 0;

class Parser {
  private readonly lexer: Lexer;
  private readonly limits: SyntaxLimits;
  private token: Token;
  private depth = 0;

  constructor(
    private readonly text: string,
    { syntax = 'new', ...limits }: ParseOptions,
  ) {
    this.limits = { ...defaultSyntaxLimits, ...limits };
    const { maxLength } = this.limits;
    if (text.length > maxLength) {
      throw this.failure(`at most ${maxLength} characters`, maxLength, `${text.length}`);
    }
    this.lexer = new Lexer(text, syntax);
    this.token = this.lexer.next();
  }

  end(expected: string): void {
    if (this.token.kind !== 'end') throw this.failure(expected);
  }

  expression(): Expr {
    return this.nested(() => {
      const test = this.level(0);
      if (!this.take('?')) return test;
      if (this.take(':')) return this.elvis(test, this.expression());
      const then = this.expression();
      this.expect(':');
      return { kind: 'conditional', test, then, otherwise: this.expression() };
    });
  }

  /**
   * HTCondor 25 binds `?:` tighter than any operator, its predecessors looser than all: operands that the
   * two would cut differently are put in parentheses, so that what is printed means one thing to both.
   */
  private elvis(left: Expr, right: Expr): Expr {
    return {
      kind: 'elvis',
      left: isPostfix(left) ? left : parentheses(left),
      right: isPostfix(right) ? right : parentheses(right),
    };
  }

  private level(at: number): Expr {
    const operators = levels[at];
    if (operators === undefined) return this.unary();
    let left = this.level(at + 1);
    for (;;) {
      const operator = this.token.kind === 'sign' ? operators[this.token.value] : undefined;
      if (operator === undefined) return left;
      this.advance();
      left = { kind: 'binary', operator, left, right: this.level(at + 1) };
    }
  }

  private unary(): Expr {
    for (const operator of ['-', '+', '!', '~'] as const) {
      if (this.take(operator)) {
        return this.nested(() => ({ kind: 'unary', operator, operand: this.unary() }));
      }
    }
    return this.postfix();
  }

  private postfix(): Expr {
    let base = this.primary();
    for (let parts = 0; ; parts += 1) {
      if (this.is('.') || this.is('['))
        this.bound(parts, this.limits.maxDepth, 'selections in a row');
      if (this.take('.')) {
        base = { kind: 'attribute', name: this.name(), base, absolute: false };
      } else if (this.take('[')) {
        base = { kind: 'subscript', base, index: this.expression() };
        this.expect(']');
      } else {
        return base;
      }
    }
  }

  private primary(): Expr {
    const { token } = this;
    switch (token.kind) {
      case 'integer':
      case 'real':
      case 'string':
        this.advance();
        return literal(token.value);
      case 'word':
        this.advance();
        return literal(wordValues[token.value]);
      case 'name':
        this.advance();
        return this.is('(') ? this.call(token.value, token.offset) : reference(token.value, false);
      case 'sign':
        return this.bracketed();
      case 'end':
        throw this.failure('an expression');
      default:
        return token satisfies never;
    }
  }

  private bracketed(): Expr {
    if (this.take('.')) return reference(this.name(), true);
    if (this.take('(')) {
      const inner = this.expression();
      this.expect(')');
      return { kind: 'parentheses', inner };
    }
    if (this.take('{')) return { kind: 'list', items: this.separated('}') };
    if (this.is('[')) return this.nested(() => this.ad());
    throw this.failure('an expression');
  }

  private call(name: string, offset: number): Expr {
    const { functions } = this.limits;
    if (functions !== null && !functions.has(lowerCase(name))) {
      throw this.failure('a function that may be called', offset);
    }
    this.expect('(');
    const args = this.separated(')');
    const time = timeLiteral(name, args);
    if (time === null) throw this.failure(`a time in ${name}()`, offset, 'none');
    return time === undefined ? { kind: 'call', name, args } : literal(time);
  }

  private separated(close: ')' | '}'): Expr[] {
    const items: Expr[] = [];
    if (this.take(close)) return items;
    do {
      this.bound(items.length, this.limits.maxItems, 'items');
      items.push(this.expression());
    } while (this.take(',') || (close === ')' && this.take(';')));
    this.expect(close, `"," or "${close}"`);
    return items;
  }

  ad(): AdExpr {
    this.expect('[');
    const attributes = new Map<string, AdAttribute>();
    while (!this.take(']')) {
      // Semicolons may stand before the first attribute, but not alone.
      while (attributes.size === 0 && this.take(';'));
      this.bound(attributes.size, this.limits.maxItems, 'attributes');
      const name = this.name();
      const key = lowerCase(name);
      this.expect('=');
      attributes.set(key, { name: attributes.get(key)?.name ?? name, value: this.expression() });
      if (!this.is(']')) this.expect(';', '";" or "]"');
      while (this.take(';'));
    }
    return {
      kind: 'ad',
      attributes: [...attributes.values()].sort((left, right) =>
        compareNames(left.name, right.name),
      ),
    };
  }

  private name(): string {
    if (this.token.kind !== 'name') throw this.failure('an attribute name');
    const { value } = this.token;
    this.advance();
    return value;
  }

  private nested<T>(read: () => T): T {
    this.depth += 1;
    this.bound(this.depth - 1, this.limits.maxDepth, 'levels of nesting');
    const result = read();
    this.depth -= 1;
    return result;
  }

  private bound(count: number, most: number, what: string): void {
    if (count >= most) throw this.failure(`at most ${most} ${what}`, this.token.offset, 'more');
  }

  private is(sign: Sign): boolean {
    return this.token.kind === 'sign' && this.token.value === sign;
  }

  private take(sign: Sign): boolean {
    const found = this.is(sign);
    if (found) this.advance();
    return found;
  }

  private expect(sign: Sign, expected = `"${sign}"`): void {
    if (!this.take(sign)) throw this.failure(expected);
  }

  private advance(): void {
    this.token = this.lexer.next();
  }

  private failure(
    expected: string,
    offset = this.token.offset,
    found?: string,
  ): ClassAdSyntaxError {
    return new ClassAdSyntaxError(expected, this.text, offset, found);
  }
}

const wordValues = { true: true, false: false, undefined: null, error: errorValue } as const;

const reference = (name: string, absolute: boolean): Expr => ({
  kind: 'attribute',
  name,
  base: null,
  absolute,
});
