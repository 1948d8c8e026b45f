/** A job in the queue of the embedded pool: its ad, and what runs for it. */
import type { Ad } from '../../../classad/ad.js';
import type { JobKey } from '../../jobs.js';
import { changed, type Attributes } from './attributes.js';
import type { Slot } from './slots.js';
import type { Run } from './starter.js';

export const status = { idle: 1, running: 2, removed: 3, completed: 4, held: 5 } as const;
export type Status = (typeof status)[keyof typeof status];

/** A claimed slot and the process in it; a job that is held or removed keeps it until the process is gone. */
export interface Activation {
  readonly run: Run;
  readonly slot: Slot;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Ends the watch over the job's allowed durations. */
  readonly unwatch: () => void;
}

export class Job {
  activation: Activation | undefined;
  /** What matching depends on, as text; made when it is first asked for, again after each change. */
  significant: string | undefined;

  constructor(
    readonly key: JobKey,
    public ad: Ad,
  ) {}

  get status(): number {
    return this.ad.number('JobStatus') ?? 0;
  }
  get owner(): string {
    return this.ad.string('Owner') ?? '';
  }
  get priority(): number {
    return this.ad.number('JobPrio') ?? 0;
  }
  /** Idle, and nothing of an earlier run is left. */
  get startable(): boolean {
    return this.status === status.idle && this.activation === undefined;
  }

  set(attributes: Attributes): void {
    this.ad = changed(this.ad, attributes);
    this.significant = undefined;
  }

  /** A counter of the ad, one up. */
  up(...names: readonly string[]): Attributes {
    return Object.fromEntries(names.map((name) => [name, (this.ad.number(name) ?? 0) + 1]));
  }
}

export const jobId = ({ clusterId, procId }: Omit<JobKey, 'schedd'>): string =>
  `${clusterId}.${procId}`;
