/** Opens an embedded pool: everything of it is in this process and ends with it. */
import { systemClock, type Clock } from '../../../streams/clock.js';
import type { Capability } from '../../grid.js';
import type { JobPool } from '../../jobs.js';
import { HiddenNames } from '../hidden.js';
import { condorVersion } from './submit.js';
import { EmbeddedActions } from './actions.js';
import { Journal } from './journal.js';
import { Negotiator } from './negotiator.js';
import { findJobs, readingOf, type EmbeddedPool } from './pool.js';
import { Schedd } from './schedd.js';
import { Slots } from './slots.js';
import { ProcessStarter, type Starter } from './starter.js';
import { Turns } from './turns.js';

export interface EmbeddedPoolSettings {
  readonly name: string;
  /** Cores that jobs may ask for together; the machine's own number is not looked at. @default 4 */
  readonly cpus?: number | undefined;
  /** Memory that jobs may ask for together; what they use is measured, not limited. @default 4096 */
  readonly memoryMb?: number | undefined;
  /** Slots of equal size; without it one slot that is cut as jobs need it. */
  readonly slots?: number | undefined;
  /** The machine's START expression: which jobs it takes. @default true */
  readonly start?: string | undefined;
  /** Jobs in the queue at most. @default 10_000 */
  readonly queueLimit?: number | undefined;
  /** Jobs that the history keeps, the newest ones. @default 10_000 */
  readonly historyLimit?: number | undefined;
  /** From SIGTERM to SIGKILL for a job that is held or removed. @default 3000 */
  readonly killGraceMs?: number | undefined;
  /** How often the periodic expressions of jobs are looked at. @default 5000 */
  readonly periodicMs?: number | undefined;
  /** Bytes of each of stdout and stderr that a job's ad keeps, the last ones. @default 4096 */
  readonly outputBytes?: number | undefined;
  /** Attributes that are never shown. */
  readonly hideAttributes?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
  /** What runs the jobs. @default processes of this machine */
  readonly starter?: Starter | undefined;
}

export function openEmbeddedPool(settings: EmbeddedPoolSettings): JobPool {
  const { name, clock = systemClock, starter = new ProcessStarter(settings) } = settings;
  const hidden = new HiddenNames(settings.hideAttributes);
  const machine = `embedded.${name}`;
  const startedAt = clock.now();
  const slots = new Slots(
    {
      machine,
      resources: { cpus: settings.cpus ?? 4, memoryMb: settings.memoryMb ?? 4096, diskKb },
      slots: settings.slots,
      start: settings.start ?? 'true',
    },
    startedAt,
  );
  const journal: Journal = new Journal({
    gridName: name,
    hidden,
    find: (keys, projection) => Promise.resolve(findJobs(pool, keys, projection)),
  });
  const schedd = new Schedd({
    name: `embedded@${name}`,
    clock,
    slots,
    starter,
    journal,
    queueLimit: settings.queueLimit ?? 10_000,
    historyLimit: settings.historyLimit ?? 10_000,
    killGraceMs: settings.killGraceMs ?? 3000,
    wake: () => negotiator.wake(),
  });
  const negotiator: Negotiator = new Negotiator({
    clock,
    queue: schedd.queue,
    slots,
    start: (job, slot) => schedd.start(job, slot),
  });
  const pool: EmbeddedPool = {
    poolName: name,
    machine,
    version: condorVersion,
    startedAt,
    schedd,
    slots,
    negotiator,
    hidden,
    now: () => clock.now(),
  };
  const policies = new Turns(clock, () => schedd.applyPolicies());
  const stopAsking = every(clock, settings.periodicMs ?? 5000, () => policies.ask());
  return {
    ...readingOf(pool, capabilities),
    actions: new EmbeddedActions(pool),
    logs: journal,
    async stop() {
      stopAsking();
      policies.stop();
      negotiator.stop();
      journal.stop();
      await schedd.stop();
    },
  };
}

const capabilities: readonly Capability[] = [
  'SUBMIT',
  'HOLD',
  'RELEASE',
  'REMOVE',
  'EDIT',
  'HISTORY',
  'STREAM',
  'RESUME',
  'RAW_CONSTRAINT',
];

/** What jobs may ask for together; nothing measures what they use. */
const diskKb = 10 * 1024 * 1024;

function every(clock: Clock, ms: number, act: () => void): () => void {
  let cancel = clock.after(ms, tick);
  function tick(): void {
    act();
    cancel = clock.after(ms, tick);
  }
  return () => cancel();
}
