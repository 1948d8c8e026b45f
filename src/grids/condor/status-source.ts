/** Ads of the collector as a source of lists. */
import type { Ad } from '../../classad/ad.js';
import { projectionFor, union, type Projection } from '../../query/plan.js';
import { hasConstraint, matches, type Ref, type Value } from '../../query/predicate.js';
import type { Source, SourceRequest } from '../../query/source.js';
import type { AdType } from '../jobs.js';
import { rows, type Row } from '../row.js';
import { adTypeOptions } from './ad-types.js';
import { checkRefs } from './attributes.js';
import { pushdown } from './constraint.js';
import type { Command } from './command.js';
import type { FieldTable } from './field.js';
import type { HiddenNames } from './hidden.js';
import {
  addressed,
  selecting,
  streamAds,
  type AdQuery,
  sourceDeadlineMs,
  type Pool,
} from './pool.js';
import { attributesFor } from './projection.js';

export const statusCommand = (
  pool: Pool,
  type: AdType,
  query: AdQuery,
  ...options: readonly string[]
): Command => ({
  program: 'condor_status',
  args: [
    ...addressed(pool, undefined),
    ...adTypeOptions[type],
    '-json',
    ...options,
    ...selecting(query),
  ],
});

export interface StatusListing<R extends Row> {
  readonly typename: R['__typename'];
  readonly type: AdType;
  readonly fields: FieldTable;
  /** Fetched with every ad: they name the row. */
  readonly keys: readonly string[];
  /** A row of an ad; undefined where the ad can't be named. */
  readonly rowOf: (projection: Projection, hidden: HiddenNames) => (ad: Ad) => R | undefined;
}

export function statusSource<R extends Row>(pool: Pool, listing: StatusListing<R>): Source<R> {
  return {
    grid: pool.name,
    part: undefined,
    deadlineMs: sourceDeadlineMs(pool),
    known: (ref) => knownOf(pool, listing.typename, ref),
    admits: (refs, signal) => admits(pool, listing.fields, refs, signal),
    scan: (request) => scan(pool, listing, request),
  };
}

async function* scan<R extends Row>(
  pool: Pool,
  { type, fields, keys, rowOf }: StatusListing<R>,
  { filter, notes, projection, signal }: SourceRequest & { readonly projection: Projection },
): AsyncGenerator<R, void, undefined> {
  if (filter.op === 'const' && !filter.value) return;
  const { hidden } = await pool.policy(signal);
  const { constraint, rest } = pushdown(filter, fields, hidden);
  const wanted = union(projection, projectionFor(rest));
  const attributes = attributesFor(wanted, fields, keys, hidden);
  if (constraint !== undefined) notes.pushedDown = constraint;
  notes.asOfMs ??= Date.now();
  const toRow = rowOf(wanted, hidden);
  const command = statusCommand(pool, type, { attributes, constraint });
  for await (const batch of streamAds(pool, command, signal, { exactReals: hasConstraint(rest) })) {
    for (const ad of batch) {
      const row = toRow(ad);
      if (row !== undefined && matches(rest, row, (r, ref) => rows.read(r, ref))) yield row;
    }
  }
}

/** Refuses what the pool hides; a pool whose policy can't be read says so when it is scanned. */
export async function admits(
  pool: Pool,
  fields: FieldTable,
  refs: readonly Ref[],
  signal: AbortSignal,
): Promise<void> {
  const policy = await pool.policy(signal).catch(() => undefined);
  if (policy !== undefined) checkRefs(refs, policy.hidden, fields);
}

/** Fields that every row of the source shares. */
export function knownOf(pool: Pick<Pool, 'name'>, typename: string, ref: Ref): Value {
  if ('attribute' in ref) return undefined;
  switch (ref.field) {
    case 'grid':
    case 'gridName':
      return pool.name;
    case 'kind':
      return 'HTCONDOR';
    case '__typename':
      return typename;
    default:
      return undefined;
  }
}
