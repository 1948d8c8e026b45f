/** Jobs that have left the queue of the embedded pool, the newest ones, as the ads they had. */
import type { Ad } from '../../../classad/ad.js';
import { jobId, type Job } from './job.js';

export class History {
  /** Oldest first. */
  readonly #ads = new Map<string, Ad>();

  constructor(private readonly limit: number) {}

  get size(): number {
    return this.#ads.size;
  }
  get newestFirst(): readonly Ad[] {
    return [...this.#ads.values()].reverse();
  }

  get(id: { readonly clusterId: number; readonly procId: number }): Ad | undefined {
    return this.#ads.get(jobId(id));
  }

  add({ key, ad }: Job): void {
    this.#ads.set(jobId(key), ad);
    const [oldest] = this.#ads.size > this.limit ? this.#ads.keys() : [];
    if (oldest !== undefined) this.#ads.delete(oldest);
  }
}
