/** Refuses requests under a foreign name or from a foreign web page: DNS rebinding and cross-site sockets end here. */
import type { IncomingMessage } from 'node:http';
import type { ServerSettings } from '../config/settings.js';
import { bare, inUrl } from '../config/loopback.js';
import { GridError } from '../errors.js';

export type Gate = (request: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'url'>) => void;

const hostHeader = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i;
const wildcard = /^(0\.0\.0\.0|::)$/;

/** Throws FORBIDDEN. A request without Origin comes from no web page and passes on its Host. */
export function createGate(settings: Pick<ServerSettings, 'host' | 'hosts' | 'origins'>): Gate {
  const bound = wildcard.test(bare(settings.host)) ? [] : [inUrl(settings.host)];
  const names = new Set(
    ['localhost', '127.0.0.1', '[::1]', ...bound, ...settings.hosts.map(inUrl)].map(lower),
  );
  const origins = new Set(settings.origins.map(lower));

  return (request) => {
    const host = onlyOne(request.rawHeaders, 'host');
    const name = host === undefined ? undefined : hostHeader.exec(host)?.[1];
    if (host === undefined || name === undefined) {
      throw new GridError('FORBIDDEN', 'Expected one Host header of the form name or name:port.');
    }
    if (!names.has(lower(name))) {
      throw new GridError(
        'FORBIDDEN',
        `This server does not answer to the name ${name}. Use localhost, or add the name to server.hosts.`,
      );
    }
    // An absolute target names a second host, which could be another one.
    if (!request.url?.startsWith('/')) {
      throw new GridError('FORBIDDEN', 'Expected a request target that starts with "/".');
    }
    if (request.headers.origin === undefined) return;
    const origin = onlyOne(request.rawHeaders, 'origin');
    if (origin === undefined || !(origins.has(lower(origin)) || isOwn(origin, host))) {
      throw new GridError(
        'FORBIDDEN',
        'Web pages of this origin may not call the server. Add the origin to server.origins.',
      );
    }
  };
}

const lower = (text: string): string => text.toLowerCase();

const isOwn = (origin: string, host: string): boolean =>
  lower(origin) === `http://${lower(host)}` || lower(origin) === `https://${lower(host)}`;

/** The header's value where it came exactly once. */
function onlyOne(rawHeaders: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== name) continue;
    if (value !== undefined) return undefined;
    value = rawHeaders[i + 1];
  }
  return value;
}
