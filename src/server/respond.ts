/** Answers of the server itself: bodies with their length, and errors with the status of their code. */
import type { ServerResponse } from 'node:http';
import type { GridError } from '../errors.js';
import { type ErrorCode } from '../errors.js';
import { errorBody } from './errors.js';

/** Headers beyond those of every answer are set before. */
export function send(response: ServerResponse, status: number, body: string): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(body);
  response.setHeader('content-length', bytes.length);
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store');
  response.writeHead(status).end(bytes);
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.setHeader('content-type', 'application/json; charset=utf-8');
  send(response, status, `${JSON.stringify(body)}\n`);
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  send(response, status, text);
}

export function sendError(response: ServerResponse, error: GridError): void {
  if (error.code === 'UNAUTHENTICATED')
    response.setHeader('www-authenticate', 'Bearer realm="htc-graph"');
  if (error.retryAfterMs !== undefined) {
    response.setHeader('retry-after', Math.ceil(error.retryAfterMs / 1000));
  }
  // What is left of a request that was not read to its end would be taken for the next one.
  if (!response.req.complete) response.setHeader('connection', 'close');
  sendJson(response, statusOf(error.code), errorBody(error));
}

/** The status of an answer that never reached the graph. */
export function statusOf(code: ErrorCode): number {
  return statuses[code] ?? 400;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  LIMIT_EXCEEDED: 413,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_SERVER_ERROR: 500,
  UNAVAILABLE: 503,
};
