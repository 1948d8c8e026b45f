/** An entry of the shared registry as Redis has it: version, field of its idempotency key, entry as JSON, a line each. */
import { parseEntry } from './registry-entry.js';
import type { SessionEntry } from './registry.js';

export function recordOf({ version = 0, ...entry }: SessionEntry): string {
  return `${String(version)}\n${fieldOf(entry)}\n${JSON.stringify(entry)}`;
}

/** Where the session of an idempotency key is found; empty without one. JSON has no line ends in it. */
export const fieldOf = ({ owner, idempotency }: SessionEntry): string =>
  idempotency === null ? '' : JSON.stringify([owner, idempotency.key]);

/** Undefined for what no server of this kind wrote. */
export function parseRecord(record: string): SessionEntry | undefined {
  const [, version, json] = /^(\d+)\n[^\n]*\n(.*)$/.exec(record) ?? [];
  const entry = json === undefined ? undefined : parseEntry(json);
  return entry && { ...entry, version: Number(version) };
}
