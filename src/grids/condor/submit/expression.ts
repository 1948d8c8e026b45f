/** Expressions of clients that become part of a job: parsed, and refused where they name what is hidden. */
import {
  attributeRefs,
  ClassAdPrintError,
  ClassAdSyntaxError,
  parseExpression,
  print,
  reachesUnnamed,
  type Expr,
} from '../../../classad/index.js';
import { alwaysHidden, type HiddenNames } from '../hidden.js';
import { refused, type Source } from './source.js';

/** The expression as the commands read it: in the old syntax, where a backslash is one. */
export function checkedExpression(text: string, hidden: HiddenNames, source: Source): string {
  const expr = parsed(text, source);
  const name = attributeRefs(expr).find((ref) => hidden.has(ref.name))?.name;
  if (name !== undefined) throw refused('FORBIDDEN', source, `names ${name}, which is hidden.`);
  const unnamed = reachesUnnamed(expr);
  if (unnamed !== null) throw refused('FORBIDDEN', source, `can reach what is hidden: ${unnamed}.`);
  try {
    return print(expr, { syntax: 'old' });
  } catch (error) {
    if (!(error instanceof ClassAdPrintError)) throw error;
    throw refused('BAD_USER_INPUT', source, `can't be written down. ${error.message}`);
  }
}

/** The same for a value in which job numbers or a machine's attributes are filled in later: `$(ProcId)`, `$$(Memory)`. */
export function checkAttributeValue(text: string, source: Source): void {
  const filled = text.replaceAll(/\$\((?:ProcId|ClusterId|Step)\)|\$\$\([^$()]*\)/g, '0');
  checkedExpression(filled, alwaysHidden, source);
}

function parsed(text: string, source: Source): Expr {
  try {
    return parseExpression(text, { syntax: 'old' });
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    throw refused('BAD_USER_INPUT', source, `is no ClassAd expression. ${error.message}`);
  }
}
