/** The configuration as it may be shown: secrets are masked. */
import type { Configuration } from './load.js';
import { isSecretKey } from './secret-key.js';

export function masked(configuration: Configuration): unknown {
  return JSON.parse(
    JSON.stringify(configuration, (key, value: unknown) => {
      if (typeof value !== 'string') return value;
      if (isSecretKey(key)) return '***';
      return value.replace(/\/\/[^/@\s]+@/, '//***@');
    }),
  );
}
