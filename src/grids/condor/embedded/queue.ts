/** The queue of the embedded pool, bounded, in the order of its ids; and who waits in it, owner by owner. */
import { GridError } from '../../../errors.js';
import { jobId, type Job } from './job.js';

export class Queue {
  readonly #jobs = new Map<string, Job>();
  readonly #waiting = new Map<string, Job[]>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.#jobs.size;
  }
  get all(): IterableIterator<Job> {
    return this.#jobs.values();
  }

  get(id: { readonly clusterId: number; readonly procId: number }): Job | undefined {
    return this.#jobs.get(jobId(id));
  }

  /** Refuses before anything is added: a submission is queued whole or not at all. */
  room(count: number): void {
    if (this.size + count <= this.limit) return;
    throw new GridError(
      'LIMIT_EXCEEDED',
      `The embedded pool queues ${this.limit} jobs at most; ${this.size} are there, ${count} came. Submit fewer, or wait.`,
    );
  }

  add(job: Job): void {
    this.#jobs.set(jobId(job.key), job);
  }

  delete(job: Job): void {
    this.unwait(job);
    this.#jobs.delete(jobId(job.key));
  }

  /** Lists of startable jobs by owner, best first. */
  get waiting(): ReadonlyMap<string, readonly Job[]> {
    return this.#waiting;
  }

  wait(job: Job): void {
    const list = this.#waiting.get(job.owner) ?? [];
    this.#waiting.set(job.owner, list);
    const at = placeOf(list, job);
    if (list[at] !== job) list.splice(at, 0, job);
  }

  /** Before its priority changes, or it starts: its place is found by its priority. */
  unwait(job: Job): void {
    const list = this.#waiting.get(job.owner) ?? [];
    const at = placeOf(list, job);
    if (list[at] === job) list.splice(at, 1);
    if (list.length === 0) this.#waiting.delete(job.owner);
  }
}

/** Where the job is, or belongs: higher priority first, then the older one. */
function placeOf(list: readonly Job[], job: Job): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other !== undefined && before(other, job)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const before = (a: Job, b: Job): boolean =>
  (b.priority - a.priority || a.key.clusterId - b.key.clusterId || a.key.procId - b.key.procId) < 0;
