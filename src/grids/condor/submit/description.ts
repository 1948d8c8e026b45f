/**
 * Reads a submit description: `name = value` lines, comments, continued lines, one plain `queue` at the
 * end. Whatever makes condor_submit read files, run programs or branch is refused here by its name.
 */
import type { Source } from './source.js';
import { refused } from './source.js';

/** One `name = value`, as it was written. */
export interface Statement {
  /** `+Name` for an attribute of the job ad, however it was written. */
  readonly name: string;
  readonly value: string;
  readonly source: Source;
}

export interface Description {
  readonly statements: readonly Statement[];
  /** What a `queue N` at the end says. */
  readonly queue: number | undefined;
}

const limitBytes = 64 * 1024;
const maxLines = 2_000;

export function readDescription(text: string): Description {
  const whole: Source = { path: ['description'], place: 'The description' };
  if (Buffer.byteLength(text) > limitBytes) {
    throw refused('LIMIT_EXCEEDED', whole, `has more than ${limitBytes} bytes.`);
  }
  const lines = logicalLines(text);
  if (lines.length > maxLines) {
    throw refused('LIMIT_EXCEEDED', whole, `has more than ${maxLines} lines.`);
  }
  const statements: Statement[] = [];
  let queue: number | undefined;
  let queued = false;
  for (const { text: line, number } of lines) {
    const source: Source = { path: ['description'], place: `Line ${number} of the description` };
    if (queued) throw refused('BAD_USER_INPUT', source, 'stands after queue: nothing may.');
    const assignment = /^([+]?[A-Za-z_][A-Za-z0-9_.]*)\s*=(.*)$/s.exec(line);
    if (assignment) {
      statements.push({
        name: nameOf(assignment[1] ?? ''),
        value: (assignment[2] ?? '').trim(),
        source,
      });
      continue;
    }
    const plainQueue = /^queue(?:\s+(\d{1,9}))?$/i.exec(line);
    if (!plainQueue) throw refused('FORBIDDEN', source, reasonAgainst(line));
    queued = true;
    queue = plainQueue[1] === undefined ? undefined : Number(plainQueue[1]);
  }
  return { statements, queue };
}

/** `MY.Name` is another way to write `+Name`. */
export const nameOf = (written: string): string => written.replace(/^MY\./i, '+');

interface Line {
  readonly text: string;
  readonly number: number;
}

function logicalLines(text: string): readonly Line[] {
  const found: Line[] = [];
  let open: { text: string; number: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line.startsWith('#') || (line === '' && !open)) continue;
    open = { text: open ? open.text + line : line, number: open?.number ?? index + 1 };
    if (open.text.endsWith('\\')) {
      open.text = open.text.slice(0, -1);
      continue;
    }
    found.push(open);
    open = undefined;
  }
  if (open) found.push(open);
  return found.filter((line) => line.text.trim() !== '');
}

/** Why a line that is no assignment is not taken. */
function reasonAgainst(line: string): string {
  const word = /^[@A-Za-z_]*/.exec(line)?.[0].toLowerCase() ?? '';
  if (word === 'queue') {
    return /\|/.test(line)
      ? 'runs a program of the server (queue … |): list the items in `items`.'
      : 'is a queue statement that lists items, files or folders: only `queue` and `queue N` are taken, give items in `items`.';
  }
  if (word === 'include')
    return 'is an include: it would read a file or run a program of the server.';
  if (word === 'use') return "is a `use`: it would take parts of the server's configuration.";
  if (['if', 'elif', 'else', 'endif'].includes(word)) {
    return `is an \`${word}\`: decide before sending.`;
  }
  if (/^[+]?[A-Za-z_][\w.]*\s*@=/.test(line) || word.startsWith('@')) {
    return 'is a value over several lines (@=): write one line.';
  }
  return 'is not `name = value`.';
}
