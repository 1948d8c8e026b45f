/** The configuration as it may be shown: secrets are masked, also those among the words of a command. */
import { isSecretName, shownText, shownWords } from '../secret.js';
import type { Configuration } from './load.js';

export function masked(configuration: Configuration): unknown {
  return JSON.parse(
    JSON.stringify(configuration, (key, value: unknown) => {
      if (areWords(value)) return isSecretName(key) ? '***' : shownWords(value);
      if (typeof value !== 'string') return value;
      return isSecretName(key) ? '***' : shownText(value);
    }),
  );
}

const areWords = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string');
