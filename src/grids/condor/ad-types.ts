/** The types of ads a collector holds, and the options of condor_status that list each. */
import type { Ad } from '../../classad/ad.js';
import type { AdType } from '../jobs.js';

/**
 * Found by trying (docs/grids/htcondor.md, "condor_status"): a word behind `-subsystem` that is no type
 * matches nothing in silence, and CredD is told by its case.
 */
export const adTypeOptions: Readonly<Record<AdType, readonly string[]>> = {
  ANY: ['-any'],
  COLLECTOR: ['-collector'],
  MASTER: ['-master'],
  NEGOTIATOR: ['-negotiator'],
  SCHEDD: ['-schedd'],
  STARTD: ['-startd'],
  SLOT: ['-slot'],
  SUBMITTER: ['-submitters'],
  ACCOUNTING: ['-subsystem', 'accounting'],
  GRID_RESOURCE: ['-grid'],
  DEFRAG: ['-defrag'],
  GENERIC: ['-generic'],
  LICENSE: ['-subsystem', 'License'],
  HAD: ['-subsystem', 'had'],
  CREDD: ['-subsystem', 'CredD'],
};

/** The type that the ad itself says it is: an ad keeps its id whatever list it was found in. */
export const typeOf = (ad: Ad): AdType | undefined =>
  types.get(ad.string('MyType')?.toLowerCase() ?? '');

const types: ReadonlyMap<string, AdType> = new Map([
  ['accounting', 'ACCOUNTING'],
  ['collector', 'COLLECTOR'],
  ['credd', 'CREDD'],
  ['daemonmaster', 'MASTER'],
  ['defrag', 'DEFRAG'],
  ['generic', 'GENERIC'],
  ['grid', 'GRID_RESOURCE'],
  ['had', 'HAD'],
  ['license', 'LICENSE'],
  ['machine', 'SLOT'],
  ['negotiator', 'NEGOTIATOR'],
  ['scheduler', 'SCHEDD'],
  ['startd', 'STARTD'],
  ['submitter', 'SUBMITTER'],
]);
