/** What happens to the jobs of the embedded pool, told to its logs as it happens. */
import type { JobEventType, JobLogs } from '../../job-logs.js';
import { JobRings } from '../../job-rings.js';
import type { JobPool } from '../../jobs.js';
import type { WorkState } from '../../state.js';
import { AdRecord } from '../attributes.js';
import { shownDetail } from '../event-detail.js';
import type { HiddenNames } from '../hidden.js';
import { revisionOf, stateOf } from '../job-state.js';
import type { Job } from './job.js';

export interface JournalSettings {
  readonly gridName: string;
  readonly hidden: HiddenNames;
  readonly find: JobPool['findJobs'];
}

export class Journal implements JobLogs {
  readonly #rings: JobRings;
  readonly rows: JobLogs['rows'];

  constructor(private readonly settings: JournalSettings) {
    const { gridName, find } = settings;
    this.#rings = new JobRings({ gridName, find });
    this.rows = this.#rings.rows;
  }

  events: JobLogs['events'] = () => Promise.resolve(this.#rings.events);

  completions: JobLogs['completions'] = () => Promise.resolve(this.#rings.completions);

  position: JobLogs['position'] = () => Promise.resolve(this.#rings.position());

  /** Nothing is on its way: ends are told in the turn in which they happen. */
  settled: JobLogs['settled'] = () => Promise.resolve();

  tell(type: JobEventType, job: Job, at: number, detail: Readonly<Record<string, unknown>>): void {
    const { gridName, hidden } = this.settings;
    const { key, owner, ad } = job;
    const record = new AdRecord(ad, hidden);
    const state = statesOf[type] === 'BY_AD' ? stateOf(ad) : statesOf[type];
    this.#rings.addEvents([
      {
        ...{ gridName, type, at, key, owner, state, record, seenAt: at },
        detail: shownDetail(detail, hidden),
      },
    ]);
  }

  /** The job has ended: its ad says how. */
  complete({ key, owner, ad }: Job, at: number): void {
    const { gridName } = this.settings;
    this.#rings.addCompletions([
      { gridName, key, revision: revisionOf(ad), state: stateOf(ad), owner, seenAt: at },
    ]);
  }

  stop(): void {
    this.#rings.stop();
  }
}

/** The state that follows from an event. */
const statesOf: Readonly<Record<JobEventType, WorkState | null | 'BY_AD'>> = {
  SUBMITTED: 'BY_AD',
  STARTED: 'RUNNING',
  EVICTED: 'QUEUED',
  SUSPENDED: 'SUSPENDED',
  RESUMED: 'RUNNING',
  HELD: 'HELD',
  RELEASED: 'QUEUED',
  TERMINATED: 'BY_AD',
  REMOVED: 'CANCELLED',
  EDITED: null,
  OTHER: null,
};
