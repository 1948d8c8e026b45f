/** Durations as clients write them: "15m", "24h", "7d". */
import { GridError } from '../src/errors.js';

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A century: longer is a mistake, and times stay within what a Date can say. */
const maxMs = 100 * 365.25 * units.d;

export function durationMs(argument: string, text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const ms = Number(amount) * units[unit as keyof typeof units];
  if (ms > 0 && ms <= maxMs) return ms;
  throw new GridError(
    'BAD_USER_INPUT',
    `Expected a duration such as "15m", "24h" or "7d" in ${argument} (above 0, at most a century), came ${JSON.stringify(text.slice(0, 40))}.`,
  );
}
