/** The grid of the model: sessions whose tasks do what tasks of HTC-Grid can do, and what truly happened to each. */
import { revisionOf } from '../../../src/grids/htc-grid/fields.js';
import type { RawItem } from '../../../src/grids/htc-grid/item.js';
import { decodeItem } from '../../../src/grids/htc-grid/item.js';
import type { NativeState } from '../../../src/grids/htc-grid/status.js';
import { parseStatus, sessionOf, statusOf, taskIdOf } from '../../../src/grids/htc-grid/status.js';
import { MemoryTable } from '../../htc-grid/memory-table.js';
import type { HandClock } from '../hand-clock.js';

/** A state of a task from when it was written until another one was. */
export interface Chapter {
  readonly state: NativeState;
  readonly revision: string;
  readonly from: number;
  until: number;
}

export interface Session {
  readonly id: string;
  readonly tasks: number;
  /** Rows that are written. */
  submitted: number;
}

export const deeds = ['claim', 'renew', 'finish', 'cancel', 'fail', 'retry', 'resubmit'] as const;
export type Deed = (typeof deeds)[number];

/** States that a deed can be done in; upstream cancels and fails without looking. */
const possible: Readonly<Record<Deed, readonly NativeState[]>> = {
  claim: ['pending'],
  renew: ['processing'],
  finish: ['processing'],
  cancel: ['pending', 'processing', 'finished', 'failed'],
  fail: ['processing', 'finished'],
  retry: ['processing'],
  resubmit: ['pending', 'processing', 'finished', 'failed', 'cancelled'],
};

export const isEnd = (state: NativeState): boolean => !['pending', 'processing'].includes(state);

export interface GridEvents {
  /** A row was written. */
  readonly written: (now: RawItem, before: RawItem | undefined) => void;
  /** A worker wrote the output of a task. */
  readonly output: (taskId: string) => void;
}

export class ModelGrid {
  readonly table: MemoryTable;
  readonly sessions: Session[] = [];
  /** Promises that were broken where nobody would hear of an exception. */
  readonly broken: string[] = [];
  readonly #stories = new Map<string, Chapter[]>();

  constructor(
    readonly clock: HandClock,
    private readonly events: GridEvents,
  ) {
    this.table = new MemoryTable(clock, (now, before) => {
      this.#note(now);
      events.written(now, before);
    });
  }

  /** What happened to a task, the oldest first. */
  story(taskId: string): readonly Chapter[] {
    return this.#stories.get(taskId) ?? [];
  }

  stateOf(taskId: string): NativeState | undefined {
    return this.story(taskId).at(-1)?.state;
  }

  taskIds({ id, submitted }: Session): readonly string[] {
    return Array.from({ length: submitted }, (_, index) => taskIdOf(id, index));
  }

  announce(tasks: number): Session {
    const number = String(this.sessions.length + 1).padStart(12, '0');
    const session = { id: `18a45134-e5fd-11f1-8152-${number}`, tasks, submitted: 0 };
    this.sessions.push(session);
    return session;
  }

  /** Writes the next rows of a session that was announced. */
  submit(session: Session, tasks: number): void {
    for (let n = 0; n < tasks && session.submitted < session.tasks; n++)
      this.#insert(taskIdOf(session.id, session.submitted++));
  }

  can(deed: Deed, taskId: string): boolean {
    const state = this.stateOf(taskId);
    if (state === undefined || !possible[deed].includes(state)) return false;
    // A second submission is told from the first by its time.
    return deed !== 'resubmit' || this.clock.now() > (this.story(taskId).at(-1)?.from ?? 0);
  }

  /** @param afterMs the row is written so long after the output */
  do(deed: Deed, taskId: string, afterMs = 0): void {
    if (!this.can(deed, taskId)) return;
    const now = this.clock.now();
    switch (deed) {
      case 'claim':
        return this.#update(taskId, 'processing', { owner: 'pod-1', beat: now });
      case 'renew':
        return this.#update(taskId, 'processing', { beat: now });
      case 'finish': {
        const finish = () => {
          if (this.stateOf(taskId) === 'processing')
            this.#update(taskId, 'finished', { completedAt: now });
        };
        this.events.output(taskId);
        if (afterMs === 0) finish();
        else this.clock.after(afterMs, finish);
        return undefined;
      }
      case 'cancel':
        return this.#update(taskId, 'cancelled', { owner: 'None' });
      case 'fail':
        return this.#update(taskId, 'failed', { owner: 'None' });
      case 'retry': {
        const retries = Number(this.table.row(taskId)?.['retries']?.N) + 1;
        return this.#update(taskId, 'pending', { owner: 'None', retries });
      }
      case 'resubmit':
        return this.#insert(taskId);
      default:
        return deed satisfies never;
    }
  }

  #insert(taskId: string): void {
    const session = sessionOf(taskId);
    const zero = { N: '0' };
    this.table.put({
      task_id: { S: taskId },
      session_id: { S: session },
      task_status: { S: statusOf('pending', session) },
      task_owner: { S: 'None' },
      task_priority: zero,
      retries: zero,
      submission_timestamp: { N: String(this.clock.now()) },
      task_completion_timestamp: zero,
      heartbeat_expiration_timestamp: zero,
    });
  }

  #update(
    taskId: string,
    state: NativeState,
    set: { owner?: string; beat?: number; completedAt?: number; retries?: number },
  ): void {
    const number = (value: number) => ({ N: String(value) });
    const { owner, beat, completedAt, retries } = set;
    this.table.put({
      ...this.table.row(taskId),
      task_status: { S: statusOf(state, sessionOf(taskId)) },
      ...(owner === undefined ? {} : { task_owner: { S: owner } }),
      ...(beat === undefined
        ? {}
        : { heartbeat_expiration_timestamp: number(Math.ceil(beat / 1000) + 30) }),
      ...(completedAt === undefined ? {} : { task_completion_timestamp: number(completedAt) }),
      ...(retries === undefined ? {} : { retries: number(retries) }),
    });
  }

  #note(now: RawItem): void {
    const item = decodeItem(now);
    const state = item && parseStatus(item.status).known;
    if (item === undefined || state === undefined) return;
    const story = this.#stories.get(item.taskId) ?? [];
    this.#stories.set(item.taskId, story);
    const revision = revisionOf(item);
    const last = story.at(-1);
    if (last?.revision === revision && last.state === state) return;
    if (last !== undefined) last.until = this.clock.now();
    story.push({ state, revision, from: this.clock.now(), until: Infinity });
  }
}
