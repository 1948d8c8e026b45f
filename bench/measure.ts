/** Runs what is compared in turns, so that whatever else the machine does falls on all sides alike. */
import type { Finding } from './bench.js';

/** Gives one measurement: a duration in ms, or a rate. */
export type Measured = () => Promise<number>;

export interface Sample {
  readonly median: number;
  readonly least: number;
  readonly largest: number;
  readonly values: readonly number[];
}

/** One warm-up each, then `rounds` rounds; every second round goes backwards. */
export async function inTurns<Name extends string>(
  cases: Readonly<Record<Name, Measured>>,
  rounds: number,
): Promise<Readonly<Record<Name, Sample>>> {
  const names = Object.keys(cases) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  for (const name of names) await cases[name]();
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      values[name].push(await cases[name]());
    }
  }
  return Object.fromEntries(names.map((name) => [name, sampleOf(values[name])])) as Record<
    Name,
    Sample
  >;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Milliseconds of CPU of this process, for work that does nothing but compute: what else runs counts less. */
export async function computed(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

export function sampleOf(values: readonly number[]): Sample {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? NaN;
  const { length } = sorted;
  const median =
    length % 2 === 1 ? at((length - 1) / 2) : (at(length / 2 - 1) + at(length / 2)) / 2;
  return { median, least: at(0), largest: at(length - 1), values };
}

/** Ours over theirs: the median of the ratios of single rounds, which a slow minute of the machine does not move. */
export function ratio(
  what: string,
  [ours, theirs]: readonly [Sample, Sample],
  unit: string,
  target?: Finding['target'],
): Finding {
  const { median, least, largest } = sampleOf(
    ours.values.map((value, i) => value / (theirs.values[i] ?? NaN)),
  );
  return {
    what,
    value: median,
    unit: 'x',
    spread: [least, largest],
    detail: `${shown(ours)} against ${shown(theirs)} ${unit}`,
    ...(target && { target }),
  };
}

const shown = ({ median, least, largest }: Sample): string =>
  `${brief(median)} (${brief(least)} to ${brief(largest)})`;

export const brief = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
