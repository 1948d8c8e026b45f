/** What the collector holds: slots, the machines they belong to, and ads of any type. */
import type { Ad } from '../../classad/ad.js';
import { projectionFor, union, type Projection } from '../../query/plan.js';
import { matches } from '../../query/predicate.js';
import type { Source, SourceRequest } from '../../query/source.js';
import { encodeId } from '../id.js';
import type { AdKey, AdType, MachineRow, PoolAdRow, SlotRow } from '../jobs.js';
import { rows } from '../row.js';
import { AdRecord } from './attributes.js';
import { text, time, timeOf, type Fetched, type FieldTable } from './field.js';
import { hostOf } from './fields.js';
import type { HiddenNames } from './hidden.js';
import { machinesOf, machineProjection } from './machines.js';
import { collectAds, sourceDeadlineMs, type Pool } from './pool.js';
import { attributesFor, decoder } from './projection.js';
import { slotKeyAttributes, slotTable } from './slot-fields.js';
import { typeOf } from './ad-types.js';
import {
  admits,
  knownOf,
  statusCommand,
  statusSource,
  type StatusListing,
} from './status-source.js';
import { pushdown, stringLiteral } from './constraint.js';

const slotListing = (pool: Pool): StatusListing<SlotRow> => ({
  typename: 'Slot',
  type: 'SLOT',
  fields: slotTable,
  keys: slotKeyAttributes,
  rowOf: (projection, hidden) => slotRows(pool, projection, hidden),
});

export const slotSource = (pool: Pool): Source<SlotRow> => statusSource(pool, slotListing(pool));

/** Machines are summed up from all their slots; one slot of which the whole filter is true is enough. */
export function machineSource(pool: Pool): Source<MachineRow> {
  return {
    grid: pool.name,
    part: undefined,
    deadlineMs: sourceDeadlineMs(pool),
    known: (ref) => knownOf(pool, 'Machine', ref),
    admits: (refs, signal) => admits(pool, machineTable, refs, signal),
    scan: (request) => scanMachines(pool, request),
  };
}

export const adSource = (pool: Pool, type: AdType): Source<PoolAdRow> =>
  statusSource(pool, {
    typename: 'PoolAd',
    type,
    fields: adTable,
    keys: adKeys,
    rowOf: (_projection, hidden) => (ad) => adRow(pool, type, ad, hidden),
  });

/** By name, in the order of the names. */
export async function findSlots(
  pool: Pool,
  names: readonly string[],
  projection: Projection,
  signal: AbortSignal,
): Promise<readonly (SlotRow | undefined)[]> {
  const constraint = named('Name', names);
  if (constraint === undefined) return names.map(() => undefined);
  const { hidden } = await pool.policy(signal);
  const attributes = attributesFor(projection, slotTable, slotKeyAttributes, hidden);
  const command = statusCommand(pool, 'SLOT', { attributes, constraint });
  const toRow = slotRows(pool, projection, hidden);
  const found = new Map((await collectAds(pool, command, signal)).map((ad) => [nameOf(ad), ad]));
  return names.map((name) => {
    const ad = found.get(name);
    return ad === undefined ? undefined : toRow(ad);
  });
}

export async function findMachines(
  pool: Pool,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly (MachineRow | undefined)[]> {
  const constraint = named('Machine', names);
  if (constraint === undefined) return names.map(() => undefined);
  const found = new Map((await machines(pool, constraint, signal)).map((row) => [row.name, row]));
  return names.map((name) => found.get(name));
}

/** In the order of the keys; a command for each type, however many names. */
export async function findAds(
  pool: Pool,
  keys: readonly AdKey[],
  signal: AbortSignal,
): Promise<readonly (PoolAdRow | undefined)[]> {
  const { hidden } = await pool.policy(signal);
  const found = new Map<string, PoolAdRow>();
  const types = new Set(keys.map(({ type }) => type));
  await Promise.all(
    [...types].map(async (type) => {
      const names = keys.flatMap((key) => (key.type === type ? [daemonOf(key)] : []));
      const constraint = named('Name', names);
      if (constraint === undefined) return;
      const command = statusCommand(pool, type, { attributes: undefined, constraint });
      for (const ad of await collectAds(pool, command, signal)) {
        const row = adRow(pool, type, ad, hidden);
        if (row !== undefined) found.set(row.id, row);
      }
    }),
  );
  return keys.map(({ type, name }) => found.get(encodeId('PoolAd', pool.name, type, name)));
}

/** A filter of slots would leave slots out of the sums: the slots it is true of are asked for by themselves. */
async function* scanMachines(
  pool: Pool,
  { filter, notes, projection, signal }: SourceRequest & { readonly projection: Projection },
): AsyncGenerator<MachineRow, void, undefined> {
  if (filter.op === 'const' && !filter.value) return;
  const { hidden } = await pool.policy(signal);
  const { constraint, rest } = pushdown(filter, machineTable, hidden);
  if (constraint !== undefined) notes.pushedDown = constraint;
  notes.asOfMs ??= Date.now();
  const chosen = constraint === undefined ? undefined : await slotNames(pool, constraint, signal);
  if (chosen?.size === 0) return;
  const { attributes } = union(projection, projectionFor(rest));
  for (const machine of await machines(pool, undefined, signal, attributes)) {
    const passes = machine.slots.some(
      ({ name, record }) =>
        (chosen === undefined || chosen.has(name)) &&
        matches(rest, machine, (row, ref) =>
          'attribute' in ref || ref.field === 'record'
            ? rows.read({ ...row, ...(record && { record }) }, ref)
            : rows.read(row, ref),
        ),
    );
    if (passes) yield machine;
  }
}

const machineTable: FieldTable = {
  name: { ...text('Machine', { meaning: 'The name of the host.' }), whenHidden: 'shown' },
};

async function slotNames(
  pool: Pool,
  constraint: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const command = statusCommand(pool, 'SLOT', { attributes: ['Name'], constraint });
  return new Set((await collectAds(pool, command, signal)).map(nameOf));
}

/** With further attributes of their slots, exactly as expressions need them. */
async function machines(
  pool: Pool,
  constraint: string | undefined,
  signal: AbortSignal,
  further: Projection['attributes'] = new Set(),
): Promise<readonly MachineRow[]> {
  const { hidden } = await pool.policy(signal);
  const wanted = union(machineProjection, { fields: new Set(), attributes: further });
  const attributes = attributesFor(wanted, slotTable, slotKeyAttributes, hidden);
  const command = statusCommand(pool, 'SLOT', { attributes, constraint });
  const toRow = slotRows(pool, machineProjection, hidden);
  const ads = await collectAds(pool, command, signal, { exactReals: further === 'all' });
  return machinesOf(
    pool.name,
    ads.flatMap((ad) => toRow(ad) ?? []),
  );
}

export function slotRows(
  pool: Pick<Pool, 'name'>,
  projection: Projection,
  hidden: HiddenNames,
): (ad: Ad) => SlotRow | undefined {
  const decode = decoder(projection, slotTable, hidden);
  return (ad) => {
    const name = ad.string('Name');
    if (name === null) return undefined;
    const row: SlotRow = {
      __typename: 'Slot',
      id: encodeId('Slot', pool.name, name),
      gridName: pool.name,
      idKey: [pool.name, name],
      name,
      machineName: ad.string('Machine') ?? hostOf(name) ?? name,
      record: new AdRecord(ad, hidden),
    };
    decode(row, ad, listed);
    return row;
  };
}

const adTable: FieldTable = {
  name: { ...text('Name', { meaning: 'The name of the ad.' }), whenHidden: 'shown' },
  type: { ...text('MyType', { meaning: "The ad's MyType." }), whenHidden: 'shown' },
  lastHeardFrom: time('LastHeardFrom', { meaning: 'When the collector heard of it last.' }),
};
const adKeys = ['Name', 'MyType', 'LastHeardFrom', 'ScheddName'] as const;

/** A submitter has an ad at each schedd, all of one name: the schedd is part of its own. */
function ownName(ad: Ad, name: string): string {
  const schedd = typeOf(ad) === 'SUBMITTER' ? ad.string('ScheddName') : null;
  return schedd === null ? name : `${name} ${schedd}`;
}

/** The Name of the ad of that own name. */
const daemonOf = ({ type, name }: AdKey): string =>
  type === 'SUBMITTER' ? name.replace(/ [^ ]*$/, '') : name;

export function adRow(
  pool: Pick<Pool, 'name'>,
  type: AdType,
  ad: Ad,
  hidden: HiddenNames,
): PoolAdRow | undefined {
  const name = ad.string('Name');
  if (name === null) return undefined;
  return {
    __typename: 'PoolAd',
    id: encodeId('PoolAd', pool.name, typeOf(ad) ?? type, ownName(ad, name)),
    gridName: pool.name,
    // ANY lists ads of several types under one name.
    idKey: [pool.name, ad.string('MyType') ?? '', ownName(ad, name)],
    name,
    type: ad.string('MyType') ?? type,
    lastHeardFrom: hidden.has('LastHeardFrom') ? null : timeOf(ad, 'LastHeardFrom'),
    record: new AdRecord(ad, hidden),
  };
}

/** Fields of ads do not depend on how they were fetched. */
const listed: Fetched = { origin: 'QUEUE', atMs: 0 };

const nameOf = (ad: Ad): string => ad.string('Name') ?? '';

/** Names are data: they go into a quoted string, never in as a positional argument. */
function named(attribute: string, names: readonly string[]): string | undefined {
  const tests = [...new Set(names)].flatMap((name) => {
    const literal = stringLiteral(name);
    return literal === undefined ? [] : [`${attribute} =?= ${literal}`];
  });
  return tests.length === 0 ? undefined : tests.join(' || ');
}
