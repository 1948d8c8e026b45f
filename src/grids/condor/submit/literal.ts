/** JSON values as ClassAd literals in the syntax that submit files and condor_qedit read. */
import { refused, type Source } from './source.js';

export function literal(value: unknown, source: Source, depth = 0): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return stringLiteral(value, source);
  if (typeof value === 'number' && Number.isFinite(value)) return numberLiteral(value);
  if (Array.isArray(value) && depth < 4 && value.length <= 1_000) {
    const parts = (value as readonly unknown[]).map((part) => literal(part, source, depth + 1));
    return `{${parts.join(',')}}`;
  }
  throw refused('BAD_USER_INPUT', source, 'is no text, number, true, false or list of these.');
}

const numberLiteral = (value: number): string => {
  if (Number.isSafeInteger(value)) return String(value);
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
};

/**
 * In this syntax a backslash is itself except before a double quote (docs/grids/htcondor.md, "Acting"),
 * so text where one stands before a quote or at the end can't be written.
 */
function stringLiteral(value: string, source: Source): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    throw refused('BAD_USER_INPUT', source, 'holds a line break or another control character.');
  }
  if (/\\("|$)/.test(value)) {
    const message =
      'has a backslash before a double quote or at its end: HTCondor reads that as something else.';
    throw refused('BAD_USER_INPUT', source, message);
  }
  return `"${value.replaceAll('"', '\\"')}"`;
}
