/** Reads a JSON file that may hold secrets: a fault is told by its place, never by the text around it. */
import { readFile } from 'node:fs/promises';
import { ConfigError } from './problem.js';

export async function readJsonFile(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigError([`${path}: expected readable JSON, but the file can't be read: ${code}`]);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ConfigError([`${path}: expected readable JSON, but ${placeOf(error, text)}`]);
  }
}

/** The parser's own message quotes the text around the fault, and that may be a password. */
function placeOf(error: unknown, text: string): string {
  const at = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  if (at === undefined) return 'it is not.';
  const before = text.slice(0, Number(at)).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  return `it is not from line ${String(before.length)}, column ${String(column)} on.`;
}
