/** Functions of time. Local time is that of this process. */
import { adOfValues } from '../scope.js';
import { toInteger, truncated32, wrapped32 } from '../convert.js';
import { Failure } from '../failure.js';
import { localOffsetSecs } from '../time-text.js';
import { absTime, errorValue, isAbsTime, isAd, isExpr, isRelTime, relTime } from '../value.js';
import type { AbsTime, Value } from '../value.js';
import { ofValue, ofValues } from './function.js';
import type { ClassAdFunction, Evaluator } from './function.js';
import { formatted } from './strftime.js';
import type { Clock } from './strftime.js';

const nowSecs = ({ nowMs }: Evaluator): number => Math.floor(nowMs / 1000);

const now = (evaluator: Evaluator): AbsTime => {
  const secs = nowSecs(evaluator);
  return absTime(secs, localOffsetSecs(secs));
};

const withoutArguments = (body: (evaluator: Evaluator) => Value): ClassAdFunction =>
  ofValues(0, 0, (_, evaluator) => body(evaluator));

/** The clock at an instant, `offsetSecs` ahead of UTC; instants of other millennia fail. */
function clockAt(secs: number, offsetSecs: number): Clock {
  const date = new Date((secs + offsetSecs) * 1000);
  if (Number.isNaN(date.getTime())) throw new Failure();
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hours: date.getUTCHours(),
    minutes: date.getUTCMinutes(),
    seconds: date.getUTCSeconds(),
  };
}

const dayOfYear = ({ year, month, day }: Clock): number =>
  Math.round((Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / 86_400_000);

const ofInstant: Readonly<Record<string, (clock: Clock) => number>> = {
  getyear: ({ year }) => year,
  getmonth: ({ month }) => month,
  getdayofyear: dayOfYear,
  getdayofmonth: ({ day }) => day,
  getdayofweek: ({ year, month, day }) => new Date(Date.UTC(year, month - 1, day)).getUTCDay(),
  gethours: ({ hours }) => hours,
  getminutes: ({ minutes }) => minutes,
  getseconds: ({ seconds }) => seconds,
};

const ofDuration: Readonly<Record<string, (secs: number) => number>> = {
  getdays: (secs) => Math.trunc(secs / 86400),
  gethours: (secs) => Math.trunc((secs % 86400) / 3600),
  getminutes: (secs) => Math.trunc((secs % 3600) / 60),
  getseconds: (secs) => secs % 60,
};

const field: ClassAdFunction = ofValues(1, 1, ([value = null], _, name) => {
  if (isAbsTime(value)) {
    const part = ofInstant[name]?.(clockAt(value.secs, localOffsetSecs(value.secs)));
    return part === undefined ? errorValue : BigInt(part);
  }
  if (!isRelTime(value)) return errorValue;
  const part = ofDuration[name]?.(Math.trunc(value.secs));
  return part === undefined ? errorValue : BigInt(part);
});

/** Number or instant as an instant. */
function instantOf(value: Value): AbsTime | null {
  if (isAbsTime(value)) return value;
  if (typeof value !== 'bigint' && typeof value !== 'number') return null;
  const secs = typeof value === 'bigint' ? wrapped32(value) : truncated32(value);
  return absTime(secs, localOffsetSecs(secs));
}

const splitTime = ofValue((value) => {
  if (value === null) return null;
  if (isRelTime(value)) return adOfValues(durationParts(value.secs));
  const instant = instantOf(value);
  if (instant === null) return errorValue;
  const clock = clockAt(instant.secs, instant.offsetSecs);
  return adOfValues({
    Type: 'AbsoluteTime',
    Year: BigInt(clock.year),
    Month: BigInt(clock.month),
    Day: BigInt(clock.day),
    Hours: BigInt(clock.hours),
    Minutes: BigInt(clock.minutes),
    Seconds: BigInt(clock.seconds),
    Offset: BigInt(instant.offsetSecs),
  });
});

/** A negative duration has its sign at the largest part that is not 0. */
function durationParts(secs: number): Readonly<Record<string, Value>> {
  const size = Math.abs(secs);
  const whole = Math.floor(size);
  const parts = [
    Math.trunc(whole / 86400),
    Math.trunc((whole % 86400) / 3600),
    Math.trunc((whole % 3600) / 60),
    (whole % 60) + (size - whole),
  ];
  const first = parts.findIndex((part, at) => part > 0 || at === 3);
  const [days, hours, minutes, seconds] = parts.map((part, at) =>
    secs < 0 && at === first ? -part : part,
  );
  return {
    Type: 'RelativeTime',
    Days: BigInt(days ?? 0),
    Hours: BigInt(hours ?? 0),
    Minutes: BigInt(minutes ?? 0),
    Seconds: seconds ?? 0,
  };
}

/** What it costs to put in a part of a time, in steps of a match. */
const stepsToFormat = 8;

/** The format is evaluated only where the time is one. */
const formatTime: ClassAdFunction = ([timeArg, formatArg, ...more], evaluator) => {
  if (more.length > 0) return errorValue;
  const clock = clockOf(timeArg ? evaluator.evaluate(timeArg) : now(evaluator), evaluator);
  if (clock === null) return errorValue;
  const format = formatArg ? evaluator.evaluate(formatArg) : '%c';
  if (typeof format !== 'string') return errorValue;
  evaluator.spend(format.length * stepsToFormat);
  return formatted(clock, format);
};

/** Of an ad, as `splitTime` makes them: what is no integer counts as nothing. */
function clockOf(value: Value, evaluator: Evaluator): Clock | null {
  if (!isAd(value)) {
    const instant = instantOf(value);
    return instant === null ? null : clockAt(instant.secs, instant.offsetSecs);
  }
  const { scope } = value;
  const part = (name: string, otherwise: number): number => {
    const content = scope.ad.lookup(name) ?? null;
    const found = isExpr(content)
      ? evaluator.orError(() => evaluator.evaluateIn(scope, content))
      : content;
    return typeof found === 'bigint' ? wrapped32(found) : otherwise;
  };
  return {
    year: part('Year', 1900),
    month: part('Month', 1),
    day: part('Day', 0),
    hours: part('Hours', 0),
    minutes: part('Minutes', 0),
    seconds: part('Seconds', 0),
  };
}

/** `3+04:05:06`, without what is 0 at the front. */
const interval = ofValue((value) => {
  const integer = toInteger(value);
  if (typeof integer !== 'bigint') return errorValue;
  const total = wrapped32(integer);
  const days = Math.trunc(total / 86400);
  const hours = Math.trunc((total % 86400) / 3600);
  const minutes = Math.trunc((total % 3600) / 60);
  const seconds = total % 60;
  const two = (part: number): string => String(Math.abs(part)).padStart(2, '0');
  if (days !== 0) return `${days}+${two(hours)}:${two(minutes)}:${two(seconds)}`;
  if (hours !== 0) return `${hours}:${two(minutes)}:${two(seconds)}`;
  return minutes !== 0 ? `${minutes}:${two(seconds)}` : `${seconds}`;
});

/** HTCondor takes a second argument, only to call it an error. */
const toRelTime = ofValues(1, 2, ([value = null, ...more]) => {
  if (more.length > 0) return errorValue;
  if (value === null || isRelTime(value)) return value;
  if (typeof value === 'bigint') return relTime(wrapped32(value));
  if (typeof value === 'number') return relTime(value);
  return isAbsTime(value) ? relTime(value.secs) : errorValue;
});

const toAbsTime = ofValues(0, 2, (values, evaluator) => {
  const [value, ahead] = values;
  if (value === undefined) return now(evaluator);
  const offset = ahead === undefined ? null : offsetOf(ahead);
  if (offset === undefined) return errorValue;
  if (value === null || isAbsTime(value)) return value;
  const secs = secondsOf(value);
  if (secs === null) return errorValue;
  // HTCondor takes this one offset for the sign of a failure.
  if (offset === -1 && typeof value === 'bigint') throw new Failure();
  return absTime(secs, offset ?? localOffsetSecs(secs));
});

function offsetOf(value: Value): number | undefined {
  const secs = secondsOf(value);
  return secs === null ? undefined : secs;
}

function secondsOf(value: Value): number | null {
  if (typeof value === 'bigint') return wrapped32(value);
  if (typeof value === 'number') return truncated32(value);
  return isRelTime(value) ? Math.trunc(value.secs) : null;
}

export const timeFunctions: Readonly<Record<string, ClassAdFunction>> = {
  time: withoutArguments((evaluator) => BigInt(nowSecs(evaluator))),
  currenttime: withoutArguments(now),
  timezoneoffset: withoutArguments((evaluator) => relTime(localOffsetSecs(nowSecs(evaluator)))),
  daytime: withoutArguments((evaluator) => {
    const { secs, offsetSecs } = now(evaluator);
    return relTime((((secs + offsetSecs) % 86400) + 86400) % 86400);
  }),
  ...Object.fromEntries(
    [...Object.keys(ofInstant), ...Object.keys(ofDuration)].map((name) => [name, field]),
  ),
  splittime: splitTime,
  formattime: formatTime,
  interval,
  abstime: toAbsTime,
  reltime: toRelTime,
};
