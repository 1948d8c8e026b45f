/** Constraints evaluated against 100,000 ads in memory, and read from their text. */
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ad } from '../../src/classad/ad.js';
import { matchesConstraint, parseConstraint, type Expr } from '../../src/classad/index.js';
import { parseAds } from '../../src/classad/json.js';
import { findPool, type RealPool } from '../../test/real/pool.js';
import { NotRun, type Bench } from '../bench.js';
import { inTurns, ratio, timed } from '../measure.js';

const constraints = [
  'Cpus >= 4 && Memory > 2000',
  'Arch == "X86_64" && State =!= "Owner" && (Activity == "Idle" || LoadAvg < 0.5)',
  'regexp("^slot[12]@.*7", Name)',
  'stringListMember("host7", "host1, host7, host9") && NoSuchAttr =?= undefined && Disk / 1024 > 100',
];

/** Attributes of a captured slot that the ads are made of: a page of them, not all two hundred. */
const attributes = [
  ...['Name', 'Machine', 'Arch', 'OpSys', 'State', 'Activity', 'Cpus', 'Memory', 'Disk', 'LoadAvg'],
  ...['MyType', 'SlotID', 'SlotType', 'TotalCpus', 'TotalMemory'],
  ...['EnteredCurrentState', 'HasFileTransfer', 'KFlops', 'Mips', 'UidDomain', 'FileSystemDomain'],
];

export const classad: Bench = {
  name: 'classad',
  about: 'constraints against 100,000 ads: in memory, and from their text',
  async run({ quick }) {
    const pool = findPool();
    if (typeof pool === 'string') throw new NotRun(pool);
    const count = quick ? 5_000 : 100_000;
    const slots = slotsLike(count);
    const json = jsonText(slots);
    const ads = parseAds(json);
    const [file, long] = ['tmp/classad-bench.json', 'tmp/classad-bench.ads'];
    await writeFile(join(pool.dir, file), json);
    await writeFile(join(pool.dir, long), longText(slots));
    try {
      const here = async (): Promise<number> =>
        timed(async () => void constraints.map((text) => countOf(parseConstraint(text), ads)));
      const bindings = (): Promise<number> => inPython(pool, file);
      const text = constraints.slice(0, 1);
      const whole = async (): Promise<number> =>
        timed(async () => void text.map((one) => countOf(parseConstraint(one), parseAds(json))));
      const command = async (): Promise<number> =>
        timed(async () => {
          const [constraint = ''] = text;
          const argv = ['-ads', `/${long}`, '-constraint', constraint, '-af', 'Name'];
          const { code, stdout, stderr } = await pool.run(['condor_status', ...argv]);
          if (code !== 0) throw new Error(stderr);
          const [theirs, ours] = [
            stdout.split('\n').length - 1,
            countOf(parseConstraint(constraint), ads),
          ];
          if (theirs !== ours)
            throw new Error(`${theirs} ads matched in the command, ${ours} here.`);
        });
      const samples = await inTurns({ here, bindings, whole, command }, quick ? 2 : 3);
      return [
        ratio(
          `${constraints.length} constraints against ${count} ads in memory, times HTCondor's Python module`,
          [samples.here, samples.bindings],
          'ms',
          { atMost: 1 },
        ),
        ratio(
          `reading ${count} ads and one constraint, times condor_status -ads`,
          [samples.whole, samples.command],
          'ms',
          { atMost: 1 },
        ),
      ];
    } finally {
      for (const made of [file, long]) await rm(join(pool.dir, made), { force: true });
    }
  },
};

function countOf(expr: Expr, ads: readonly Ad[]): number {
  let count = 0;
  for (const ad of ads) if (matchesConstraint(expr, ad)) count += 1;
  return count;
}

type Slot = Readonly<Record<string, unknown>>;

function slotsLike(count: number): Slot[] {
  const captured = new URL('../../test/fixtures/htcondor/condor_status.slot.json', import.meta.url);
  const [slot] = JSON.parse(readFileSync(captured, 'utf8')) as Slot[];
  if (slot === undefined) throw new Error('The captured slots are empty.');
  const kept = Object.fromEntries(attributes.map((name) => [name, slot[name]]));
  return Array.from({ length: count }, (_, at) => ({
    ...kept,
    ...{ Name: `slot${at % 5}@host${at}.example.test`, Cpus: 1 + (at % 16) },
    ...{ Memory: 512 * (1 + (at % 32)), LoadAvg: (at % 100) / 100, Disk: 100_000 + at },
  }));
}

/** As `condor_status -long` shows them, which is what the command reads: no value needs an escape. */
const longText = (slots: readonly Slot[]): string =>
  slots
    .map((slot) =>
      Object.entries(slot).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`),
    )
    .map((lines) => lines.join(''))
    .join('\n');

const jsonText = (slots: readonly Slot[]): string =>
  `[\n${slots.map((slot) => JSON.stringify(slot, null, 2)).join(',\n')}\n]\n`;

/** Milliseconds of the evaluations alone: the ads are read before. */
async function inPython(pool: RealPool, file: string): Promise<number> {
  const script = [
    'import classad, htcondor, json, time',
    `ads = [classad.ClassAd(ad) for ad in json.load(open('/${file}'))]`,
    `constraints = ${JSON.stringify(constraints)}`,
    'started = time.perf_counter()',
    'for text in constraints:',
    '    expr = classad.ExprTree(text)',
    '    sum(1 for ad in ads if expr.eval(ad) is True)',
    'print((time.perf_counter() - started) * 1000)',
  ].join('\n');
  const { code, stdout, stderr } = await pool.run(['python3', '-c', script]);
  if (code !== 0) throw new Error(stderr);
  return Number(stdout);
}
