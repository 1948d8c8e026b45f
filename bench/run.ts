/** `npm run bench [-- name… --quick --jobs N]`: runs the benches and prints what they found. Timings never fail a run. */
import { parseArgs } from 'node:util';
import { type Bench, type Finding, NotRun, passes } from './bench.js';
import { ads } from './benches/ads.js';
import { classad } from './benches/classad.js';
import { dataPlane } from './benches/data-plane.js';
import { attributes, buckets, groups } from './benches/groups.js';
import { events } from './benches/events.js';
import { flood } from './benches/flood.js';
import { fanout } from './benches/fanout.js';
import { latency } from './benches/latency.js';
import { httpList, inProcess } from './benches/list.js';
import { clients, lookups } from './benches/lookups.js';
import { pages } from './benches/pages.js';
import { session } from './benches/session.js';
import { start } from './benches/start.js';
import { submission } from './benches/submission.js';
import { taskPages } from './benches/task-pages.js';
import { disconnect } from './client.js';
import { brief } from './measure.js';
import { Queue } from './queue.js';
import { stolenFromHere } from './stolen.js';

const benches: readonly Bench[] = [
  groups,
  attributes,
  buckets,
  pages,
  ads,
  lookups,
  clients,
  httpList,
  inProcess,
  start,
  session,
  submission,
  dataPlane,
  taskPages,
  classad,
  events,
  flood,
  fanout,
  latency,
];

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    jobs: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
if (values.help || unknown.length > 0) {
  for (const name of unknown) console.log(`There is no bench "${name}".`);
  console.log('usage: npm run bench [-- NAME… --quick --jobs N]');
  for (const { name, about } of benches) console.log(`  ${name.padEnd(12)}${about}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}

const queue = new Queue(Number(values.jobs) || (values.quick ? 5_000 : 50_000));
const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const found: Finding[] = [];
try {
  for (const bench of chosen) found.push(...(await findingsOf(bench)));
} finally {
  disconnect();
  await queue.unload();
}
const missed = found.filter((finding) => passes(finding) === false);
console.log(
  missed.length === 0 ? '\nno target missed' : `\n${missed.length} of ${found.length} missed`,
);
if (values.quick)
  console.log('(a quick run: shows that the benches work, not how fast the server is)');

async function findingsOf(bench: Bench): Promise<readonly Finding[]> {
  console.log(`\n${bench.name}: ${bench.about}`);
  const stolen = stolenFromHere();
  try {
    const findings = await bench.run({ quick: values.quick, pool: () => queue.open() });
    for (const finding of findings) print(finding);
    const share = stolen();
    if (share !== undefined) {
      console.log(`  ${brief(100 * share)} % of the processors' time went to others on this host`);
    }
    return findings;
  } catch (error) {
    if (!(error instanceof NotRun)) throw error;
    console.log(`  not run: ${error.message}`);
    return [];
  }
}

function print(finding: Finding): void {
  const { what, value, unit, spread, target, detail } = finding;
  const passed = passes(finding);
  const limit =
    target && ('atMost' in target ? `at most ${target.atMost}` : `at least ${target.atLeast}`);
  const notes = [
    ...(spread ? [`${brief(spread[0])} to ${brief(spread[1])}`] : []),
    ...(limit === undefined ? [] : [`target ${limit}`]),
  ];
  const verdict = passed === undefined ? '' : passed ? '  pass' : '  MISS';
  console.log(
    `  ${brief(value)} ${unit}  ${what}${notes.length ? ` (${notes.join('; ')})` : ''}${verdict}`,
  );
  if (detail !== undefined) console.log(`      ${detail}`);
}
