/** Instants and durations as ClassAds write them. */
import type { Expr } from './ast.js';
import { lowerCase } from './bytes.js';
import { formatG } from './real-text.js';
import { absTime, relTime } from './value.js';
import type { AbsTime, RelTime } from './value.js';

/** HTCondor makes a literal of these two calls where the one argument is a string. Null: not a time. */
export function timeLiteral(
  name: string,
  args: readonly Expr[],
): AbsTime | RelTime | null | undefined {
  const [only] = args;
  if (args.length !== 1 || only?.kind !== 'literal' || typeof only.value !== 'string') {
    return undefined;
  }
  switch (lowerCase(name)) {
    case 'abstime':
      return parseAbsTime(only.value);
    case 'reltime':
      return parseRelTime(only.value);
    default:
      return undefined;
  }
}

/** Seconds that local time is ahead of UTC at an instant. */
export const localOffsetSecs = (secs: number): number =>
  -Math.round(new Date(secs * 1000).getTimezoneOffset() * 60) || 0;

/** Digits of year, month, day, hour, minute, second with anything between, then an offset or `Z`. */
export function parseAbsTime(text: string): AbsTime | null {
  const { rest, offsetSecs } = splitOffset(Buffer.from(text).toString('latin1'));
  const digits =
    /^\D*(.{4})(?:\D*(\d.))?(?:\D*(\d.))?(?:\D*(\d.))?(?:\D*(\d.))?(?:\D*(\d.))?(.*)$/s;
  const parts = digits.exec(rest);
  if (parts === null || !/^\d/.test(parts[1] ?? '') || /^\D*\d/.test(parts[7] ?? '')) return null;
  const [year = 0, month = 1, day = 0, hours = 0, minutes = 0, seconds = 0] = parts
    .slice(1, 7)
    .map((part: string | undefined) => (part === undefined ? undefined : parseInt(part, 10)));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hours, minutes, seconds);
  const shown = date.getTime() / 1000;
  if (!Number.isFinite(shown)) return null;
  const offset = offsetSecs ?? localOffsetSecs(shown);
  return absTime(shown - offset, offset);
}

function splitOffset(text: string): { rest: string; offsetSecs: number | null } {
  const utc = /^(.+)[zZ]\s*$/s.exec(text)?.[1];
  if (utc !== undefined) return { rest: utc, offsetSecs: 0 };
  const parts = /^(.+)([+-])(\d\d):?(\d\d)$/s.exec(text);
  if (parts === null) return { rest: text, offsetSecs: null };
  const [, rest = '', sign, hours, minutes] = parts;
  const secs = Number(hours) * 3600 + Number(minutes) * 60;
  return { rest, offsetSecs: sign === '-' ? -secs || 0 : secs };
}

/** Linear in digits; in blanks only where no two stand together. */
const relTimeForm =
  /^ ?(-)? ?(?:(\d*) ?[dD+])? ?(?:(\d*) ?[hH:])? ?(?:(\d*) ?[mM:])? ?(?:(\d*(?:\.\d*)?) ?[sS]|(\d*\.\d+|\d+))? ?$/;

/** `[[[days+]hours:]minutes:]seconds`, or with the letters `d h m s`. */
export function parseRelTime(text: string): RelTime | null {
  const parts = relTimeForm.exec(text.replace(/\s+/g, ' '));
  if (parts === null) return null;
  const [sign, days, first, second, marked, plain] = parts.slice(1);
  // One colon alone ends minutes: hours take the first place only where minutes follow.
  const alone = first !== undefined && second === undefined && !/[hH]/.test(text);
  const hours = alone ? undefined : first;
  const minutes = alone ? first : second;
  const total =
    Number(days ?? 0) * 86400 +
    Number(hours ?? 0) * 3600 +
    Number(minutes ?? 0) * 60 +
    (Number.parseFloat(marked ?? plain ?? '') || 0);
  return relTime(sign === undefined ? total : -total);
}

/** `2024-01-02T03:04:05-00:00`; an offset of nothing is written with a minus. */
export function absTimeText({ secs, offsetSecs }: AbsTime): string {
  const shown = new Date((secs + offsetSecs) * 1000);
  if (Number.isNaN(shown.getTime())) return '';
  const year = String(shown.getUTCFullYear());
  const rest = shown.toISOString().slice(-20, -5);
  const ahead = Math.abs(offsetSecs);
  const hours = padded(Math.trunc(ahead / 3600));
  return `${year}${rest}${offsetSecs > 0 ? '+' : '-'}${hours}:${padded(Math.trunc(ahead / 60) % 60)}`;
}

const padded = (part: number): string => String(part).padStart(2, '0');

/** `1+02:03:04`; what is zero at the front is left out. */
export function relTimeText({ secs }: RelTime, digits = 6): string {
  const whole = Math.trunc(Math.abs(secs));
  const fraction = Math.abs(secs) - whole;
  const days = Math.trunc(whole / 86400);
  const hours = Math.trunc((whole % 86400) / 3600);
  const minutes = Math.trunc((whole % 3600) / 60);
  const seconds = (whole % 60) + fraction;
  const parts = [
    fraction === 0 ? padded(seconds) : formatG(seconds, digits).toLowerCase().padStart(2, '0'),
  ];
  if (minutes > 0 || hours > 0 || days > 0) parts.unshift(padded(minutes));
  if (hours > 0 || days > 0) parts.unshift(padded(hours));
  return `${secs < 0 ? '-' : ''}${days > 0 ? `${days}+` : ''}${parts.join(':')}`;
}
