/** A configuration that cannot be used: every problem with its key, what was expected and what came. */
import type { z } from 'zod';
import { isSecretName, shownText } from '../secret.js';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** What zod found, as sentences; `whereFrom` names the source of a key (the file, or an environment variable). */
export function problemsOf(
  error: z.ZodError,
  input: unknown,
  whereFrom: (key: string) => string,
): string[] {
  return error.issues.flatMap((issue) => {
    const key = keyOf(issue.path);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((unknown) => {
        const full = key === '' ? unknown : `${key}.${unknown}`;
        return `${full}: unknown key (${whereFrom(full)}).`;
      });
    }
    const came = shown(valueAt(input, issue.path), issue.path);
    return [
      `${key || 'configuration'}: ${expectation(issue)}, but got ${came} (${whereFrom(key)}).`,
    ];
  });
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'int' ? 'a whole number' : issue.expected}`;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? `expected at least ${issue.minimum} ${issue.origin === 'array' ? 'entry' : 'character'}`
        : `expected at least ${issue.minimum}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    default:
      return issue.message;
  }
}

const keyOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (key, step) =>
      typeof step === 'number'
        ? `${key}[${step}]`
        : key === ''
          ? String(step)
          : `${key}.${String(step)}`,
    '',
  );

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      value !== null && typeof value === 'object'
        ? (value as Record<PropertyKey, unknown>)[step]
        : undefined,
    input,
  );
}

/** The value for a message: never a secret, never longer than a line. */
function shown(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return 'nothing';
  const last = String(path.at(-1));
  if (isSecretName(last)) return 'something else';
  const text =
    JSON.stringify(value, (key, part: unknown) => {
      if (isSecretName(key)) return '***';
      return typeof part === 'string' ? shownText(part) : part;
    }) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
