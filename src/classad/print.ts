/** Writes expressions: one canonical text for a tree, which is read back as the same tree. */
import type { AdAttribute, Binary, Expr, LiteralValue } from './ast.js';
import type { Syntax } from './lexer.js';
import { nameText, stringText } from './quote.js';
import { newRealText, oldRealText } from './real-text.js';
import { precedence } from './parser.js';
import { absTimeText, parseRelTime, relTimeText } from './time-text.js';

export interface PrintOptions {
  /** @default 'new' */
  readonly syntax?: Syntax;
  /**
   * `canonical`: puts the parentheses that are missing, loses no digit, is read back as the same tree.
   * `condor`: to the byte what HTCondor's own printer makes of the tree, as `unparse()` and `string()` need it.
   * @default 'canonical'
   */
  readonly form?: 'canonical' | 'condor';
}

export function print(expr: Expr, options: PrintOptions = {}): string {
  return new Printer(options).expr(expr);
}

/** An expression as a command takes it for a constraint: in the old syntax (see `parseConstraint`). */
export const printConstraint = (expr: Expr): string => print(expr, { syntax: 'old' });

class Printer {
  private readonly syntax: Syntax;
  private readonly exact: boolean;

  constructor({ syntax = 'new', form = 'canonical' }: PrintOptions) {
    this.syntax = syntax;
    this.exact = form === 'canonical';
  }

  expr(expr: Expr): string {
    switch (expr.kind) {
      case 'literal':
        return this.literal(expr.value);
      case 'attribute':
        if (expr.base === null) return `${expr.absolute ? '.' : ''}${this.name(expr.name)}`;
        return `${this.base(expr.base, true)}.${this.selected(expr.name)}`;
      case 'unary':
        return this.unary(expr.operator, this.tight(expr.operand));
      case 'binary':
        return this.binary(expr);
      case 'conditional':
        return `${this.test(expr.test)} ? ${this.expr(expr.then)} : ${this.expr(expr.otherwise)}`;
      case 'elvis':
        return `${this.base(expr.left)} ?: ${this.base(expr.right)}`;
      case 'subscript':
        return `${this.base(expr.base)}[${this.expr(expr.index)}]`;
      case 'parentheses':
        return `(${this.expr(expr.inner)})`;
      case 'call':
        return `${this.selected(expr.name)}(${expr.args.map((arg) => this.expr(arg)).join(',')})`;
      case 'list':
        return `{ ${expr.items.map((item) => this.expr(item)).join(',')} }`;
      case 'ad':
        return `[ ${expr.attributes.map((attribute) => this.attribute(attribute)).join('; ')} ]`;
      default:
        return expr satisfies never;
    }
  }

  private attribute({ name, value }: AdAttribute): string {
    return `${this.name(name)} = ${this.expr(value)}`;
  }

  private literal(value: LiteralValue): string {
    switch (typeof value) {
      case 'boolean':
      case 'bigint':
        return String(value);
      case 'number':
        return this.syntax === 'new'
          ? newRealText(value, this.exact)
          : oldRealText(value, this.exact);
      case 'string':
        return stringText(value, this.syntax, this.exact);
      case 'object':
        break;
      default:
        return value satisfies never;
    }
    if (value === null) return 'undefined';
    if (value.type === 'error') return 'error';
    if (value.type === 'absTime') return `absTime("${absTimeText(value)}")`;
    const text = relTimeText(value);
    const lost = this.exact && parseRelTime(text)?.secs !== value.secs;
    return `relTime("${lost ? relTimeText(value, 17) : text}")`;
  }

  private name(name: string): string {
    return nameText(name, this.syntax, this.exact);
  }

  /** HTCondor forgets the quotes of names after a point and of functions. */
  private selected(name: string): string {
    return this.exact ? this.name(name) : name;
  }

  /** A digit right behind a minus would make it part of the number. */
  private unary(operator: string, operand: string): string {
    if (!this.exact) return ` ${operator}${operand}`;
    return operator === '-' && /^\.?\d/.test(operand) ? `- ${operand}` : `${operator}${operand}`;
  }

  /** Chains of operators lean to the left and may be long: they are not descended into. */
  private binary(expr: Binary): string {
    const parts: string[] = [];
    let left: Expr = expr;
    let above: Binary | null = null;
    while (left.kind === 'binary' && (above === null || !this.needsParentheses(left, above, 0))) {
      parts.push(this.operand(left.right, left, 1), this.operator(left));
      above = left;
      left = left.left;
    }
    parts.push(above === null ? this.expr(left) : this.operand(left, above, 0));
    return parts.reverse().join(' ');
  }

  private operator({ operator }: Binary): string {
    if (this.syntax === 'new') return operator;
    if (operator === 'is') return '=?=';
    return operator === 'isnt' ? '=!=' : operator;
  }

  private operand(expr: Expr, above: Binary, side: 0 | 1): string {
    const text = this.expr(expr);
    return this.needsParentheses(expr, above, side) ? `(${text})` : text;
  }

  private needsParentheses(expr: Expr, above: Binary, side: 0 | 1): boolean {
    if (!this.exact) return false;
    if (expr.kind === 'conditional' || expr.kind === 'elvis') return true;
    if (expr.kind !== 'binary') return false;
    return precedence(expr.operator) < precedence(above.operator) + side;
  }

  private test(expr: Expr): string {
    const text = this.expr(expr);
    const loose = expr.kind === 'conditional' || expr.kind === 'elvis';
    return this.exact && loose ? `(${text})` : text;
  }

  /** The operand of a unary operator. */
  private tight(expr: Expr): string {
    const text = this.expr(expr);
    const loose = expr.kind === 'binary' || expr.kind === 'conditional' || expr.kind === 'elvis';
    return this.exact && loose ? `(${text})` : text;
  }

  /** What a selection or a subscript hangs on, or an operand of `?:`. */
  private base(expr: Expr, selected = false): string {
    if (expr.kind === 'unary' && this.exact) return `(${this.expr(expr)})`;
    if (expr.kind !== 'literal') return this.tight(expr);
    const text = this.expr(expr);
    // "5.x" would be read as a real that breaks off.
    return selected && this.exact && /\d$/.test(text) ? `${text} ` : text;
  }
}
