/** Addresses that only this machine can reach. */
export const isLoopback = (host: string): boolean =>
  host.toLowerCase() === 'localhost' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) ||
  bare(host) === '::1';

/** An address without the brackets that URLs put around IPv6. */
export const bare = (host: string): string => host.replace(/^\[|\]$/g, '');

/** The host as a URL wants it: IPv6 in brackets. */
export const inUrl = (host: string): string =>
  bare(host).includes(':') ? `[${bare(host)}]` : host;
