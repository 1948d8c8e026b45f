/** The configuration of a grid as settings with names and values; secrets are withheld. */
import { GridError } from '../../errors.js';
import { isSecretName, shownText, shownWords } from '../../secret.js';
import { encodeId } from '../id.js';
import type { ConfigQuery, ConfigRow } from '../jobs.js';

export function configRows(
  grid: string,
  configuration: Readonly<Record<string, unknown>>,
  { daemon, daemonName, names, matching }: ConfigQuery,
): readonly ConfigRow[] {
  if (daemon !== undefined || daemonName !== undefined)
    throw new GridError(
      'BAD_USER_INPUT',
      `The grid "${grid}" is an HTC-Grid and has no daemons: leave daemon and daemonName out.`,
    );
  const wanted = names && new Set(names.map((name) => name.toLowerCase()));
  const part = matching?.toLowerCase() ?? '';
  return [...settingsOf(configuration, '')]
    .filter(([name]) => wanted?.has(name.toLowerCase()) ?? true)
    .filter(([name]) => name.toLowerCase().includes(part))
    .map(([name, value]) => {
      const redacted = isSecretName(name);
      const shown = redacted ? '' : value;
      return {
        __typename: 'ConfigEntry',
        id: encodeId('ConfigEntry', grid, null, null, name),
        gridName: grid,
        idKey: [grid, '', '', name],
        daemon: null,
        name,
        value: shown,
        raw: redacted ? null : shown,
        isDefault: null,
        file: null,
        line: null,
        redacted,
      };
    });
}

/** Objects are taken apart, `redis.host`; what is not set is left out. */
function* settingsOf(
  value: unknown,
  name: string,
): Generator<readonly [name: string, value: string]> {
  if (value === undefined || value === null) return;
  if (typeof value === 'object' && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value))
      yield* settingsOf(inner, name === '' ? key : `${name}.${key}`);
    return;
  }
  yield [name, textOf(value)];
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return shownText(value);
  const isCommand = Array.isArray(value) && value.every((word) => typeof word === 'string');
  return JSON.stringify(isCommand ? shownWords(value) : value);
}
