/** C's `strftime` in the C locale, as glibc has it. */

export interface Clock {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
}

const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const monthNames = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

/** HTCondor's own buffer holds no more: beyond it the text is empty. */
const mostLength = 1022;

export function formatted(clock: Clock, format: string): string {
  let text = '';
  let at = 0;
  for (const found of format.matchAll(/%([-_0^#]*)(\d{0,3})[EO]?([a-zA-Z%])/g)) {
    const [whole, flags = '', width = '', letter = ''] = found;
    const part = conversions[letter]?.(clock);
    text +=
      format.slice(at, found.index) + (part === undefined ? whole : shaped(part, flags, width));
    if (text.length > mostLength) return '';
    at = found.index + whole.length;
  }
  text += format.slice(at);
  return text.length > mostLength ? '' : text;
}

/** A number with the width and the sign it is padded with, or a text. */
type Part = string | { readonly number: number; readonly width: number; readonly pad: '0' | ' ' };

const two = (number: number, pad: '0' | ' ' = '0'): Part => ({ number, width: 2, pad });

function shaped(part: Part, flags: string, width: string): string {
  if (typeof part === 'string') {
    const text = flags.includes('^') ? part.toUpperCase() : part;
    return text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
  }
  if (flags.includes('-')) return String(part.number);
  const pad = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : part.pad;
  const size = width === '' ? part.width : Number(width);
  const digits = String(Math.abs(part.number));
  return part.number < 0 ? `-${digits.padStart(size - 1, pad)}` : digits.padStart(size, pad);
}

const dayOf = ({ year, month, day }: Clock): Date => {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date;
};

const weekday = (clock: Clock): number => dayOf(clock).getUTCDay();

const dayOfYear = (clock: Clock): number =>
  Math.round(
    (dayOf(clock).getTime() - dayOf({ ...clock, month: 1, day: 1 }).getTime()) / 86_400_000,
  );

/** Weeks from the first of a weekday on. */
const week = (clock: Clock, first: number): number =>
  Math.floor((dayOfYear(clock) + 7 - ((weekday(clock) - first + 7) % 7)) / 7);

/** The week with the year's fourth day is the first. */
function isoWeek(clock: Clock): { year: number; week: number } {
  const thursday = dayOf(clock);
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((weekday(clock) + 6) % 7));
  const year = thursday.getUTCFullYear();
  const first = dayOf({ ...clock, year, month: 1, day: 1 }).getTime();
  return { year, week: Math.floor((thursday.getTime() - first) / (7 * 86_400_000)) + 1 };
}

const hour12 = ({ hours }: Clock): number => (hours % 12 === 0 ? 12 : hours % 12);

const conversions: Readonly<Record<string, (clock: Clock) => Part>> = {
  '%': () => '%',
  a: (clock) => (dayNames[weekday(clock)] ?? '?').slice(0, 3),
  A: (clock) => dayNames[weekday(clock)] ?? '?',
  b: ({ month }) => (monthNames[month - 1] ?? '?').slice(0, 3),
  B: ({ month }) => monthNames[month - 1] ?? '?',
  c: (clock) => formatted(clock, '%a %b %e %H:%M:%S %Y'),
  C: ({ year }) => two(Math.floor(year / 100)),
  d: ({ day }) => two(day),
  D: (clock) => formatted(clock, '%m/%d/%y'),
  e: ({ day }) => two(day, ' '),
  F: (clock) => formatted(clock, '%Y-%m-%d'),
  g: (clock) => two(((isoWeek(clock).year % 100) + 100) % 100),
  G: (clock) => String(isoWeek(clock).year),
  h: ({ month }) => (monthNames[month - 1] ?? '?').slice(0, 3),
  H: ({ hours }) => two(hours),
  I: (clock) => two(hour12(clock)),
  j: (clock) => ({ number: dayOfYear(clock) + 1, width: 3, pad: '0' }),
  k: ({ hours }) => two(hours, ' '),
  l: (clock) => two(hour12(clock), ' '),
  m: ({ month }) => two(month),
  M: ({ minutes }) => two(minutes),
  n: () => '\n',
  p: ({ hours }) => (hours < 12 ? 'AM' : 'PM'),
  P: ({ hours }) => (hours < 12 ? 'am' : 'pm'),
  r: (clock) => formatted(clock, '%I:%M:%S %p'),
  R: (clock) => formatted(clock, '%H:%M'),
  s: (clock) =>
    String(
      Date.UTC(clock.year, clock.month - 1, clock.day, clock.hours, clock.minutes, clock.seconds) /
        1000,
    ),
  S: ({ seconds }) => two(seconds),
  t: () => '\t',
  T: (clock) => formatted(clock, '%H:%M:%S'),
  u: (clock) => String(weekday(clock) === 0 ? 7 : weekday(clock)),
  U: (clock) => two(week(clock, 0)),
  V: (clock) => two(isoWeek(clock).week),
  w: (clock) => String(weekday(clock)),
  W: (clock) => two(week(clock, 1)),
  x: (clock) => formatted(clock, '%m/%d/%y'),
  X: (clock) => formatted(clock, '%H:%M:%S'),
  y: ({ year }) => two(((year % 100) + 100) % 100),
  Y: ({ year }) => String(year),
  z: () => '+0000',
  Z: () => zoneName(),
};

/** Of this process, whatever the clock's own zone: so does glibc where a clock names none. */
const zoneName = (): string =>
  new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
    .formatToParts()
    .find(({ type }) => type === 'timeZoneName')?.value ?? '';
