/** Base64 and JSON layers of the data plane (docs/grids/htc-grid.md, "Data plane"). */
import type { Payload } from '../tasks.js';
import type { FunctionError } from './fields.js';
import type { StoredText } from './data-plane.js';
import { pythonJson } from './python-json.js';

/** As the Python client writes it, to the byte. */
export const encodeInput = (payload: unknown): string =>
  Buffer.from(pythonJson(payload), 'latin1').toString('base64');

/** @param text the function's reply, itself JSON. */
export const encodeOutput = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** URL-safe and padded, as the Python client writes it. */
export const encodeSubmission = (value: unknown): string =>
  Buffer.from(pythonJson(value), 'latin1')
    .toString('base64')
    .replaceAll('+', '-')
    .replaceAll('/', '_');

/** Base64 in either alphabet. */
export const decodeText = (stored: string): string =>
  Buffer.from(stored, 'base64').toString('utf8');

/** Characters of base64 that hold `bytes` bytes and what a cut character needs. */
export const base64Chars = (bytes: number): number => Math.ceil((bytes + 3) / 3) * 4;

/** What a client sees of a stored value: JSON where it is whole, text up to `maxBytes`. */
export function payloadOf(stored: StoredText, maxBytes: number): Payload {
  const bytes = decodedBytes(stored);
  const head = Buffer.from(stored.text, 'base64');
  const truncated = bytes > maxBytes;
  const text = truncated ? cutUtf8(head, maxBytes) : head.toString('utf8');
  const json = truncated ? null : (parseJson(text) ?? null);
  return { json, text, bytes, truncated, href: null, missing: false };
}

/** How an error begins; the stack trace of a deep recursion makes it longer than what is read of it. */
const errorHead =
  /^\s*\{\s*"errorMessage"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"errorType"\s*:\s*("(?:[^"\\]|\\.)*")/;

/**
 * The error JSON that the runtime makes of a function that raised; null for any other output.
 * @param text the output, or the beginning of a long one
 */
export function functionErrorOf(text: string): FunctionError | null {
  const [, message, errorType] = errorHead.exec(text) ?? [];
  const value =
    parseJson(text) ??
    (message === undefined || errorType === undefined
      ? undefined
      : { errorMessage: parseJson(message), errorType: parseJson(errorType) });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  if (!('errorMessage' in value) || !('errorType' in value || 'stackTrace' in value)) return null;
  const { errorMessage } = value;
  const type = 'errorType' in value ? value.errorType : null;
  return {
    message: typeof errorMessage === 'string' ? errorMessage : JSON.stringify(errorMessage),
    type: typeof type === 'string' ? type : null,
  };
}

function decodedBytes({ chars, end }: StoredText): number {
  const padding = end.endsWith('==') ? 2 : end.endsWith('=') ? 1 : 0;
  return Math.floor(((chars - padding) * 3) / 4);
}

/** At most `maxBytes` bytes, never half a character. */
function cutUtf8(bytes: Buffer, maxBytes: number): string {
  let end = Math.min(maxBytes, bytes.length);
  // A byte 10xxxxxx continues a character that began before it.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
