/** A submission, read and checked: for each item the commands its jobs get, with nothing left to expand but job numbers. */
import { checkSettable } from './protected.js';
import { commandOf, reasonAgainst } from './commands.js';
import { type Description, readDescription, type Statement } from './description.js';
import { checkCopied, checkEvaluated, isExpression } from './expression.js';
import { checkFiles, type FileRules } from './files.js';
import { readCommands } from './json-commands.js';
import { isGiven, Macros, namesIn } from './macros.js';
import { refused, type Source } from './source.js';
import { asGridError } from '../../../errors.js';
import type { HiddenNames } from '../hidden.js';

export interface SubmitRules extends FileRules {
  /** Jobs of one submission. */
  readonly maxJobs: number;
  /** What the pool hides: what a job of the client evaluates, the client could read. */
  readonly hidden: HiddenNames;
}

export interface SubmitInput {
  readonly description: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  readonly items: readonly unknown[] | undefined;
  readonly count: number | undefined;
}

export interface PlannedSubmission {
  /** Commands by their one name, attributes as `+Name`; all items have the same names. One item at least. */
  readonly items: readonly ReadonlyMap<string, string>[];
  /** Jobs of each item. */
  readonly count: number;
}

/** What one submission may cost this server: values that are expanded and checked, and their length in all. */
const maxValues = 200_000;
const limitBytes = 16 * 1024 * 1024;

const whole: Source = { path: [], place: 'The submission' };

export function planSubmission(input: SubmitInput, rules: SubmitRules): PlannedSubmission {
  const { statements, queue } = read(input);
  const items = input.items?.map(variablesOf) ?? [new Map<string, string>()];
  const count = countOf(input.count, queue);
  if (items.length < 1) {
    throw refused(
      'BAD_USER_INPUT',
      { path: ['items'], place: 'items' },
      'is empty: nothing to submit.',
    );
  }
  if (items.length * count > rules.maxJobs) {
    throw refused(
      'LIMIT_EXCEEDED',
      whole,
      `would be ${items.length * count} jobs; at most ${rules.maxJobs} may be submitted at once.`,
    );
  }
  const texts = textsOf(statements);
  const itemNames = new Set(items.flatMap((item) => [...item.keys()]));
  const commands = commandsOf(statements, texts, itemNames);
  if (items.length * commands.length > maxValues) {
    const says = `has ${items.length} items of ${commands.length} commands; at most ${maxValues} values are taken at once.`;
    throw refused('LIMIT_EXCEEDED', whole, says);
  }
  let bytes = 0;
  const planned = items.map((item) => {
    const one = planItem(item, commands, texts, rules);
    for (const value of one.values()) bytes += value.length;
    if (bytes <= limitBytes) return one;
    throw refused(
      'LIMIT_EXCEEDED',
      whole,
      `is longer than ${limitBytes} bytes with all its items.`,
    );
  });
  return { items: planned, count };
}

function read({ description, attributes }: SubmitInput): Description {
  if ((description === undefined) === (attributes === undefined)) {
    throw refused('BAD_USER_INPUT', whole, 'needs exactly one of description and attributes.');
  }
  if (description !== undefined) return readDescription(description);
  return { statements: readCommands(attributes ?? {}), queue: undefined };
}

function countOf(count: number | undefined, queue: number | undefined): number {
  const source: Source = { path: ['count'], place: 'count' };
  if (count !== undefined && queue !== undefined && count !== queue) {
    throw refused(
      'BAD_USER_INPUT',
      source,
      `is ${count}, while the description says queue ${queue}.`,
    );
  }
  const wanted = count ?? queue ?? 1;
  if (Number.isSafeInteger(wanted) && wanted >= 1) return wanted;
  throw refused('BAD_USER_INPUT', source, `has to be 1 or more, came ${wanted}.`);
}

/** The variables of an item: an object's members, or one value as `$(Item)`. */
function variablesOf(item: unknown, index: number): ReadonlyMap<string, string> {
  const source: Source = { path: ['items', String(index)], place: `items[${index}]` };
  const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
  const members: [string, unknown][] = isObject ? Object.entries(item) : [['item', item]];
  const variables = new Map<string, string>([
    ['row', String(index)],
    ['itemindex', String(index)],
  ]);
  for (const [name, value] of members) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,60}$/.test(name) || isGiven(name)) {
      throw refused(
        'BAD_USER_INPUT',
        source,
        `has a member ${JSON.stringify(name.slice(0, 60))}: no name of a variable.`,
      );
    }
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw refused(
        'BAD_USER_INPUT',
        source,
        `has a value for ${name} that is no text, number, true or false.`,
      );
    }
    const text = String(value).trim();
    if (text.includes('$(') || /\$[A-Za-z_]+\(/.test(text)) {
      throw refused(
        'FORBIDDEN',
        source,
        `has a value for ${name} with a reference in it: items are plain values.`,
      );
    }
    variables.set(name.toLowerCase(), text);
  }
  return variables;
}

type Texts = ReadonlyMap<string, Statement>;

/** Statements by name; the same twice is a mistake here, though condor_submit lets the last win. */
function textsOf(statements: readonly Statement[]): Texts {
  const texts = new Map<string, Statement>();
  for (const statement of statements) {
    const key = (commandOf(statement.name) ?? statement.name).toLowerCase();
    if (texts.has(key))
      throw refused('BAD_USER_INPUT', statement.source, `sets ${statement.name} a second time.`);
    texts.set(key, statement);
  }
  return texts;
}

/** What goes to HTCondor; the rest has to be a variable that something names. */
function commandsOf(
  statements: readonly Statement[],
  texts: Texts,
  itemNames: ReadonlySet<string>,
): readonly (readonly [name: string, statement: Statement])[] {
  const named = new Set(
    statements.flatMap(({ value }) => namesIn(value)).map((name) => name.toLowerCase()),
  );
  const found: [string, Statement][] = [];
  for (const statement of texts.values()) {
    const { name, source } = statement;
    if (name.startsWith('+')) {
      settable(name.slice(1), source);
      found.push([name, statement]);
      continue;
    }
    const command = commandOf(name);
    const reason = command === undefined ? reasonAgainst(name) : undefined;
    if (command !== undefined) found.push([command, statement]);
    else if (reason !== undefined)
      throw refused('FORBIDDEN', source, `uses ${name}: it ${reason}.`);
    else if (isGiven(name) || itemNames.has(name.toLowerCase())) {
      throw refused('BAD_USER_INPUT', source, `sets ${name}, which the items or HTCondor set.`);
    } else if (!named.has(name.toLowerCase())) {
      throw refused(
        'FORBIDDEN',
        source,
        `sets ${name}: no submit command that is taken here, and no variable that anything names. docs/security.md lists the commands.`,
      );
    }
  }
  return found;
}

function settable(name: string, source: Source): void {
  try {
    checkSettable(name);
  } catch (error) {
    const { code, message } = asGridError(error);
    throw refused(code === 'BAD_ATTRIBUTE' ? code : 'FORBIDDEN', source, `is refused. ${message}`);
  }
}

function planItem(
  item: ReadonlyMap<string, string>,
  commands: readonly (readonly [name: string, statement: Statement])[],
  texts: Texts,
  rules: SubmitRules,
): ReadonlyMap<string, string> {
  const macros = new Macros((name) => item.get(name) ?? texts.get(name)?.value);
  const planned = new Map<string, string>();
  for (const [name, { value, source }] of commands) {
    const expanded = macros.expand(value, source).trim();
    checkLine(expanded, source);
    if (name.startsWith('+') && expanded === '') {
      throw refused('BAD_USER_INPUT', source, `gives ${name} no value; \`undefined\` is one.`);
    }
    checkCopied(name, expanded, rules.hidden, source);
    if (expanded !== '' && isExpression(name)) checkEvaluated(expanded, rules.hidden, source);
    // An empty command is as if it were not there.
    if (expanded !== '' || name === 'transfer_output_files') planned.set(name, expanded || '""');
  }
  checkFiles(planned, rules, (command) => sourceOf(command, commands));
  return planned;
}

const sourceOf = (
  command: string,
  commands: readonly (readonly [name: string, statement: Statement])[],
): Source => commands.find(([name]) => name === command)?.[1].source ?? whole;

/** A value is one line that ends where it ends. */
function checkLine(text: string, source: Source): void {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0008\u000a-\u001f\u007f\u2028\u2029\ufffd\p{Surrogate}]/u.test(text)) {
    throw refused(
      'BAD_USER_INPUT',
      source,
      'holds a line break, a control character or bytes that are no text.',
    );
  }
  if (text.endsWith('\\'))
    throw refused('BAD_USER_INPUT', source, 'ends in a backslash: the next line would join it.');
}
