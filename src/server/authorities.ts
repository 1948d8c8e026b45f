/** The authorities that a Redis over TLS may be certified by: a PEM file that a setting names. */
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config/problem.js';

export async function readAuthorities(setting: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`${setting}: expected a PEM file that can be read, but ${why}.`]);
  });
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new ConfigError([`${setting}: expected a PEM file, but ${path} has no certificate in it.`]);
}
