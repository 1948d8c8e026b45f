/** Lists over the embedded pool: its ads are at hand, so filters are evaluated here over the same rows as of a real pool. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ad } from '../../../classad/ad.js';
import { projectionOf, union, type Projection } from '../../../query/plan.js';
import { matches, refsOf, type Ref, type Value } from '../../../query/predicate.js';
import type { Source, SourceNotes } from '../../../query/source.js';
import type { JobListing, JobOrigin, JobRow } from '../../jobs.js';
import { rows, type Row } from '../../row.js';
import { checkFilter, checkRefs } from '../attributes.js';
import type { FieldTable } from '../field.js';
import { jobTable } from '../fields.js';
import type { HiddenNames } from '../hidden.js';
import { checkScan } from '../history.js';
import { jobRows } from '../job-row.js';
import { knownOfJob } from '../job-source.js';
import type { Schedd } from './schedd.js';

/** Nothing is asked of another process: only an endless filter could take long. */
const deadlineMs = 15_000;
/** Rows after which others get their turn. */
const turnRows = 500;

export interface Listing<R extends Row, Item> {
  readonly grid: string;
  readonly part: string | undefined;
  readonly known: (ref: Ref) => Value;
  readonly hidden: HiddenNames;
  /** Fields that a hidden attribute hides too. */
  readonly fields: FieldTable;
  /** What there is now. */
  readonly items: (notes: SourceNotes) => Iterable<Item>;
  readonly rowOf: (projection: Projection) => (item: Item) => R | undefined;
}

export function listSource<R extends Row, Item>(listing: Listing<R, Item>): Source<R> {
  const { grid, part, known, hidden, fields, items, rowOf } = listing;
  return {
    grid,
    part,
    deadlineMs,
    known,
    // A promise that fails, not a function that throws.
    admits: async (refs) => checkRefs(refs, hidden, fields),
    async *scan({ filter, projection, notes, signal }) {
      checkFilter(filter, hidden);
      if (filter.op === 'const' && !filter.value) return;
      notes.asOfMs ??= Date.now();
      const toRow = rowOf(union(projection, projectionOf(refsOf(filter))));
      let seen = 0;
      for (const item of items(notes)) {
        if ((seen += 1) % turnRows === 0) await nextTurn();
        signal.throwIfAborted();
        const row = toRow(item);
        if (row !== undefined && matches(filter, row, (r, ref) => rows.read(r, ref))) yield row;
      }
    },
  };
}

/** The jobs of the one schedd: its queue, its history, or one after the other. */
export function jobSource(
  grid: string,
  schedd: Schedd,
  listing: JobListing,
  hidden: HiddenNames,
): Source<JobRow> {
  const { name } = schedd.settings;
  const { source, scanLimit, since } = listing;

  function* history(notes: SourceNotes): Generator<Listed> {
    checkScan(listing);
    let scanned = 0;
    for (const ad of schedd.history.newestFirst) {
      if (since !== undefined && isJob(ad, since)) break;
      if (scanned === scanLimit) {
        notes.truncated = true;
        break;
      }
      scanned += 1;
      yield { ad, origin: 'HISTORY' };
    }
    notes.scanned = scanned;
  }
  function* items(notes: SourceNotes): Generator<Listed> {
    // What is here now: a job that leaves the queue meanwhile is not met twice.
    const queue = source === 'HISTORY' ? [] : [...schedd.queue.all].map(({ ad }) => ad);
    const past = source === 'QUEUE' ? [] : history(notes);
    const fixed = [...past];
    for (const ad of queue) yield { ad, origin: 'QUEUE' };
    yield* fixed;
  }
  return listSource<JobRow, Listed>({
    grid,
    part: source === 'HISTORY' ? `${name} (history)` : name,
    known: (ref) => knownOfJob(grid, name, listing, ref),
    hidden,
    fields: jobTable,
    items,
    rowOf: (projection) => {
      const toRow = jobRows(grid, name, projection, hidden);
      const atMs = Date.now();
      return ({ ad, origin }) => toRow(ad, { origin, atMs });
    },
  });
}

interface Listed {
  readonly ad: Ad;
  readonly origin: JobOrigin;
}

/** `since` names a job or a whole cluster. */
function isJob(ad: Ad, since: string): boolean {
  const [cluster, proc] = since.split('.').map(Number);
  return ad.number('ClusterId') === cluster && (proc === undefined || ad.number('ProcId') === proc);
}
