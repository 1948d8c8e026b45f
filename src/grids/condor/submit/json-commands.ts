/** Submit commands as a JSON object, as the statements they stand for. */
import { nameOf, type Statement } from './description.js';
import { refused, type Source } from './source.js';
import { literal } from './literal.js';

const maxCommands = 500;

export function readCommands(commands: Readonly<Record<string, unknown>>): readonly Statement[] {
  const entries = Object.entries(commands).filter(([, value]) => value !== null);
  if (entries.length > maxCommands) {
    const whole: Source = { path: ['attributes'], place: 'attributes' };
    throw refused('LIMIT_EXCEEDED', whole, `has more than ${maxCommands} commands.`);
  }
  return entries.map(([written, value]) => {
    const name = nameOf(written);
    const source: Source = {
      path: ['attributes', written.slice(0, 80)],
      place: `attributes.${JSON.stringify(written.slice(0, 80))}`,
    };
    if (!/^[+]?[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw refused('BAD_USER_INPUT', source, 'is no name of a submit command or of a variable.');
    }
    return {
      name,
      value: name.startsWith('+') ? adValue(value, source) : text(name, value, source),
      source,
    };
  });
}

function text(name: string, value: unknown, source: Source): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (name.toLowerCase() === 'arguments' && Array.isArray(value)) {
    return quoted((value as readonly unknown[]).map((part) => text('', part, source)));
  }
  if (name.toLowerCase() === 'environment' && isObject(value)) {
    const pairs = Object.entries(value).map(([key, part]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
        throw refused('BAD_USER_INPUT', source, `has a variable without a plain name.`);
      }
      return `${key}=${text('', part, source)}`;
    });
    return quoted(pairs);
  }
  throw refused('BAD_USER_INPUT', source, 'is neither text nor a number nor true or false.');
}

/** The value of an attribute: JSON as it is, `{"expression": "…"}` for an expression. */
function adValue(value: unknown, source: Source): string {
  if (isObject(value)) {
    const { expression, ...rest } = value;
    if (typeof expression === 'string' && Object.keys(rest).length === 0) return expression.trim();
  }
  return literal(value, source);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The quoting of arguments and environment that can hold any text: each word in single quotes. */
function quoted(words: readonly string[]): string {
  const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;
  const inner = words.map((word) =>
    plain.test(word) ? word : `'${word.replaceAll("'", "''").replaceAll('"', '""')}'`,
  );
  return `"${inner.join(' ')}"`;
}
