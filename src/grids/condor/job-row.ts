/** A job ad as a row of the graph. */
import type { Ad } from '../../classad/ad.js';
import type { Projection } from '../../query/plan.js';
import { encodeId } from '../id.js';
import type { JobKey, JobRow } from '../jobs.js';
import { AdRecord } from './attributes.js';
import type { Fetched } from './field.js';
import { jobFields } from './fields.js';
import type { HiddenNames } from './hidden.js';
import { decoder } from './projection.js';

/** Id and key are made when they are read: a list that only counts never needs them. */
class Job implements JobKey {
  readonly __typename = 'Job';
  readonly record: AdRecord;

  constructor(
    readonly gridName: string,
    readonly schedd: string,
    readonly clusterId: number,
    readonly procId: number,
    private readonly ad: Ad,
    hidden: HiddenNames,
  ) {
    this.record = new AdRecord(ad, hidden);
  }

  get ownedBy(): string | null {
    return this.ad.string('Owner');
  }

  get id(): string {
    return encodeId('Job', this.gridName, this.schedd, this.clusterId, this.procId);
  }

  get idKey(): readonly (string | number)[] {
    return [this.gridName, this.schedd, this.clusterId, this.procId];
  }

  get nativeId(): string {
    return `${this.clusterId}.${this.procId}`;
  }
}

/** Makes rows of one schedd's ads; an ad without its ids is no job (undefined). */
export function jobRows(
  gridName: string,
  schedd: string,
  projection: Projection,
  hidden: HiddenNames,
): (ad: Ad, fetched: Fetched) => JobRow | undefined {
  const decode = decodes(projection, hidden);
  return (ad, fetched) => {
    const clusterId = ad.number('ClusterId');
    const procId = ad.number('ProcId');
    if (clusterId === null || procId === null) return undefined;
    const row = new Job(gridName, schedd, clusterId, procId, ad, hidden);
    decode(row, ad, fetched);
    return row;
  };
}

/** Rows that stand for many jobs: only the fields and attributes that were counted by mean something. */
export function tallyRows(
  gridName: string,
  schedd: string,
  projection: Projection,
  hidden: HiddenNames,
): (ad: Ad, fetched: Fetched) => JobRow {
  const decode = decodes(projection, hidden);
  return (ad, fetched) => {
    const row = new Job(gridName, schedd, ad.number('ClusterId') ?? 0, 0, ad, hidden);
    decode(row, ad, fetched);
    return row;
  };
}

/** Every row has its nativeId already. */
const decodes = (projection: Projection, hidden: HiddenNames): ReturnType<typeof decoder> =>
  decoder(
    { ...projection, fields: new Set([...projection.fields].filter((name) => !inRow.has(name))) },
    jobFields,
    hidden,
  );
const inRow = new Set(['nativeId', 'clusterId', 'procId']);
