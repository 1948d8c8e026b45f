/** Reads a request body within a limit, counted while it arrives. */
import type { IncomingMessage } from 'node:http';
import { GridError } from '../errors.js';

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new GridError(
      'BAD_REQUEST',
      `Expected a body without Content-Encoding, but got ${encoding}.`,
    );
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) return void chunks.push(chunk);
      request.removeAllListeners('data');
      request.pause();
      reject(tooLarge(maxBytes));
    });
    request.once('end', () =>
      resolve(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString('utf8')),
    );
    // After the end this is a no-op; before it the client has gone and nobody reads the answer.
    const cutOff = (): void => reject(new GridError('BAD_REQUEST', 'The request was cut off.'));
    request.once('close', cutOff);
    request.once('error', cutOff);
  });
}

const tooLarge = (maxBytes: number): GridError =>
  new GridError(
    'LIMIT_EXCEEDED',
    `The request is larger than the ${maxBytes} bytes that this caller may send. Send less at once.`,
  );

/** Whether the content type is JSON; with another charset than UTF-8 it is not. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  return /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType.trim());
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GridError('BAD_REQUEST', `Expected a JSON body, but: ${(error as Error).message}`);
  }
}

const discardMs = 1_000;

/**
 * Lets the rest of a refused body run off, so that the client reads the answer instead of a reset
 * connection; one that goes on sending is cut after a second.
 */
export async function discard(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, discardMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.once('end', done);
    request.once('close', done);
    request.resume();
  });
}
