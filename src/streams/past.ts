/** All that came before the end of a log, from elsewhere than the log: pulled as there is somebody to take it. */

/** Batches, then in words what is not in them of all that came before. */
export type Snapshot<Entry> = AsyncGenerator<readonly Entry[], string | void, undefined>;

export class Past<Entry> {
  /** What the snapshot leaves out, once it is behind its last batch. */
  partial: string | undefined;
  #pending: Promise<void> | undefined;
  #settled:
    { readonly batch: readonly Entry[] | undefined } | { readonly error: unknown } | undefined;

  constructor(private readonly batches: Snapshot<Entry>) {}

  /** Resolves when `take` has something to give. Never rejects: nobody may be waiting any more. */
  get arriving(): Promise<void> {
    this.#pending ??= this.batches.next().then(
      ({ done, value }) => {
        if (done === true && value !== undefined) this.partial = value;
        this.#settled = { batch: done === true ? undefined : value };
      },
      (error: unknown) => {
        this.#settled = { error };
      },
    );
    return this.#pending;
  }

  get arrived(): boolean {
    return this.#settled !== undefined;
  }

  /** Nobody takes any more. Not awaited: a generator returns only after its pending step. */
  close(): void {
    void this.batches.return().catch(() => undefined);
  }

  /** The next batch; undefined behind the last. */
  take(): readonly Entry[] | undefined {
    const settled = this.#settled;
    this.#pending = undefined;
    this.#settled = undefined;
    if (settled === undefined) return [];
    if ('error' in settled) throw settled.error;
    return settled.batch;
  }
}
