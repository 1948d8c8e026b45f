/** Environment variables that override single settings: derived from the one table of settings. */
import type { z } from 'zod';
import { ConfigError } from './problem.js';
import { sections } from './settings.js';

export interface SettingRow {
  readonly key: string;
  /** Null for settings that only the file can give. */
  readonly env: string | null;
  readonly default: unknown;
  readonly meaning: string;
}

/** The table of settings, in the order of the documentation. */
export const settingTable: readonly SettingRow[] = Object.entries(sections).flatMap(
  ([section, { shape }]) =>
    Object.entries(shape as Record<string, z.ZodDefault>).map(([name, schema]) => ({
      key: `${section}.${name}`,
      env: section === 'access' ? null : envName(section, name),
      default: schema.def.defaultValue,
      meaning: schema.description ?? '',
    })),
);

/** Variables that are no setting: they say where the configuration is. */
export const otherVariables = {
  HTC_GRAPH_CONFIG: 'The configuration file.',
  HTC_GRAPH_HANDLER: 'The handler module of the embedded grid, as `--handler`.',
  HTC_GRAPH_EXEC: 'The command that runs the tasks of the embedded grid, as `--exec`.',
} as const;

/** Lays the variables over the file's content; gives back which variable set which key. */
export function overlayEnvironment(
  content: Record<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const rows = new Map(settingTable.flatMap((row) => (row.env === null ? [] : [[row.env, row]])));
  const origin = new Map<string, string>();
  const unknown: string[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('HTC_GRAPH_') || text === undefined || name in otherVariables) continue;
    const row = rows.get(name);
    if (!row) {
      unknown.push(
        `${name}: unknown environment variable; docs/configuration.md lists the known ones.`,
      );
      continue;
    }
    const [section, key] = row.key.split('.') as [string, string];
    const values = content[section] ?? {};
    if (typeof values !== 'object') continue; // the check of the file reports it
    content[section] = { ...values, [key]: valueOf(text, row.default) };
    origin.set(row.key, name);
  }
  if (unknown.length > 0) throw new ConfigError(unknown);
  return origin;
}

function envName(section: string, name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => `_${letter}`);
  return `HTC_GRAPH_${section === 'server' ? '' : `${section}_`}${words}`.toUpperCase();
}

/** The text as the type of the setting's default; what does not fit stays text, so that the check names it. */
function valueOf(text: string, example: unknown): unknown {
  if (Array.isArray(example))
    return text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean);
  if (typeof example === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (typeof example === 'boolean') {
    if (/^(true|yes|on|1)$/i.test(text)) return true;
    if (/^(false|no|off|0)$/i.test(text)) return false;
  }
  return text;
}
