/** Edits of a job, checked the same way whoever makes them: names that a client may set, each with one line of text. */
import { GridError } from '../../../errors.js';
import { InputError } from '../../action.js';
import type { JobEdit } from '../../job-actions.js';
import type { HiddenNames } from '../hidden.js';
import { checkCopied, checkedExpression } from './expression.js';
import { literal } from './literal.js';
import { checkSettable } from './protected.js';
import { refused } from './source.js';

/** Attributes with their expressions in the old syntax. What is refused is told by name, never by what the pool has there. */
export function checkedEdits(
  set: readonly JobEdit[],
  hidden: HiddenNames,
): readonly (readonly [name: string, text: string])[] {
  const seen = new Set<string>();
  return set.map((edit, i) => {
    const path = ['set', String(i)];
    const lower = edit.name.toLowerCase();
    if (seen.has(lower)) {
      throw new InputError('BAD_USER_INPUT', `${edit.name} is set twice.`, path);
    }
    seen.add(lower);
    checkName(edit, hidden, path);
    return [edit.name, textOf(edit, hidden, path)];
  });
}

function checkName({ name }: JobEdit, hidden: HiddenNames, path: readonly string[]): void {
  try {
    checkSettable(name);
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    throw new InputError(error.code, error.message, path);
  }
  if (hidden.has(name)) throw new InputError('FORBIDDEN', `${name} is hidden on this pool.`, path);
}

function textOf({ name, set }: JobEdit, hidden: HiddenNames, path: readonly string[]): string {
  const source = { path, place: `The value of ${name}` };
  const text =
    'value' in set ? literal(set.value, source) : checkedExpression(set.expression, hidden, source);
  checkCopied(name, text, hidden, source);
  if (!/[\p{Cc}\p{Surrogate}]/u.test(text.replaceAll('\t', ''))) return text;
  throw refused('BAD_USER_INPUT', source, 'holds a line break or another control character.');
}
