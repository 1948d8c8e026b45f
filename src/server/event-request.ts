/** The operation of a request for server-sent events: JSON by POST, or the search of a GET, as EventSource sends it. */
import type { IncomingMessage } from 'node:http';
import { mayAct, type Caller } from '../access/caller.js';
import type { LimitSettings } from '../config/settings.js';
import { GridError } from '../errors.js';
import { isJson, parseJson, readBody } from './body.js';
import type { Request } from './prepare.js';

/** Throws BAD_REQUEST for what is no operation, FORBIDDEN for what another site sends without saying so. */
export async function readEventRequest(
  request: IncomingMessage,
  caller: Caller,
  limits: LimitSettings,
): Promise<Request> {
  const { method, headers } = request;
  if (method === 'POST') {
    if (!isJson(headers['content-type'])) {
      throw new GridError('BAD_REQUEST', 'Expected a body with content-type: application/json.');
    }
    const maxBytes = mayAct(caller) ? limits.submitBodyBytes : limits.bodyBytes;
    return checked(parseJson(await readBody(request, maxBytes)));
  }
  if (method !== 'GET') throw new GridError('BAD_REQUEST', `Expected POST or GET, not ${method}.`);
  // A page of another site may send a GET without Origin; browsers say so in this header.
  const site = headers['sec-fetch-site'];
  if (headers.origin === undefined && (site === 'cross-site' || site === 'same-site')) {
    throw new GridError('FORBIDDEN', 'Another site may not open a stream here. Send Origin.');
  }
  const search = new URL(request.url ?? '', 'http://localhost').searchParams;
  const variables = search.get('variables');
  return checked({
    query: search.get('query'),
    operationName: search.get('operationName'),
    variables: variables === null ? null : parseJson(variables),
  });
}

function checked(body: unknown): Request {
  const { query, operationName, variables } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof query !== 'string' || query === '') {
    throw new GridError('BAD_REQUEST', 'Expected "query" with the text of a subscription.');
  }
  if (operationName != null && typeof operationName !== 'string') {
    throw new GridError('BAD_REQUEST', 'Expected "operationName" as text.');
  }
  if (variables != null && (typeof variables !== 'object' || Array.isArray(variables))) {
    throw new GridError('BAD_REQUEST', 'Expected "variables" as an object.');
  }
  return { query, operationName, variables: variables as Request['variables'] };
}
