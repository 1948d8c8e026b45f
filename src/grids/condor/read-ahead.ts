/**
 * Pages read ahead for a client that goes through a queue. A command scans the whole queue whatever it is asked for, so
 * from the third page in a row the pages behind are fetched together, and the next ones while the client has these.
 */
import type { Ad } from '../../classad/ad.js';
import type { ProcKey } from './queue.js';

/** The jobs of a cluster from one on, in the order of their ids. */
export type FetchJobs = (
  first: ProcKey,
  jobs: number,
  signal: AbortSignal,
) => AsyncIterable<readonly Ad[]>;

export interface PageBehind {
  /** What is asked of each job, and of which: pages of one question follow each other. */
  readonly question: string;
  readonly cursor: ProcKey;
  readonly limit: number;
  readonly fetch: FetchJobs;
  readonly signal: AbortSignal;
}

/** Milliseconds for which pages wait for their client: older ones are fetched anew. */
const keptMs = 2_000;
/** Jobs that one command fetches at most beyond the page that is waited for. */
const maxJobs = 2_000;
const maxPages = 4;
/** Clients that are read ahead for at the same time; the others get page after page. */
const maxStretches = 4;
const maxRuns = 64;

export class ReadAhead {
  /** By the page that comes first in it. */
  private readonly kept = new Map<string, Stretch>();
  /** How many pages in a row have ended where a page may go on. */
  private readonly runs = new Map<string, number>();

  /** The page behind the cursor, of jobs next to each other; undefined where there are gaps, or no job behind it. */
  async page(
    request: PageBehind,
  ): Promise<{ readonly ads: readonly Ad[]; readonly atMs: number } | undefined> {
    const { cursor, limit, fetch, signal } = request;
    const name = nameOf(request, cursor);
    const run = this.runs.get(name) ?? 0;
    const kept = this.take(name);
    const stretch = kept ?? new Stretch(cursor, pagesAfter(run, limit), limit, fetch);
    const ads = await stretch.next(signal).catch((error) => {
      // What nobody had asked for when it failed is asked again.
      if (kept === undefined || signal.aborted) throw error;
      return undefined;
    });
    if (ads === undefined) {
      stretch.drop();
      return undefined;
    }
    const end = step(cursor, limit);
    remember(this.runs, nameOf(request, end), run + 1);
    if (stretch.given < stretch.pages) this.keep(nameOf(request, end), stretch);
    if (run > 0 && stretch.given === 1 && this.kept.size < maxStretches) {
      const behind = step(cursor, limit * stretch.pages);
      const pages = pagesAfter(run + 1, limit);
      this.keep(nameOf(request, behind), new Stretch(behind, pages, limit, fetch));
    }
    return { ads, atMs: stretch.atMs };
  }

  stop(): void {
    for (const stretch of this.kept.values()) stretch.drop();
    this.kept.clear();
  }

  private take(name: string): Stretch | undefined {
    const stretch = this.kept.get(name);
    this.kept.delete(name);
    return stretch;
  }

  private keep(name: string, stretch: Stretch): void {
    if (this.kept.size >= maxStretches || this.kept.has(name)) return stretch.drop();
    this.kept.set(name, stretch);
    stretch.dropLater(() => this.kept.delete(name));
  }
}

/** Pages one after the other, fetched by one command; the first can go while the others arrive. */
class Stretch {
  readonly atMs = Date.now();
  /** Pages given out. */
  given = 0;
  private ads: Ad[] = [];
  private ended = false;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly cursor: ProcKey,
    readonly pages: number,
    private readonly limit: number,
    fetch: FetchJobs,
  ) {
    void this.read(fetch);
  }

  async next(signal: AbortSignal): Promise<readonly Ad[] | undefined> {
    clearTimeout(this.timer);
    const leave = (): void => this.controller.abort(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    try {
      const before = this.given === 0 ? 1 : 0;
      const wanted = before + this.limit;
      while (this.ads.length <= wanted && !this.ended) {
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
      if (this.failure !== undefined) throw this.failure;
      const first = step(this.cursor, this.given * this.limit + 1 - before);
      if (this.ads.length <= wanted || !areNeighbours(this.ads, first, wanted)) return undefined;
      this.given += 1;
      return this.ads.splice(0, wanted).slice(before);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  dropLater(forget: () => void): void {
    this.timer = setTimeout(() => {
      forget();
      this.drop();
    }, keptMs);
    this.timer.unref();
  }

  drop(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  /** From the job of the cursor to one behind the last page: both tell that there are jobs beyond the page. */
  private async read(fetch: FetchJobs): Promise<void> {
    const jobs = this.pages * this.limit + 2;
    try {
      for await (const batch of fetch(this.cursor, jobs, this.controller.signal)) {
        this.ads.push(...batch);
        this.wake();
      }
    } catch (error) {
      this.failure = error as Error;
    }
    this.ended = true;
    this.wake();
  }
}

const areNeighbours = (ads: readonly Ad[], [cluster, proc]: ProcKey, count: number): boolean =>
  ads
    .slice(0, count)
    .every((ad, i) => ad.number('ClusterId') === cluster && ad.number('ProcId') === proc + i);

const pagesAfter = (run: number, limit: number): number =>
  run === 0 ? 1 : Math.max(1, Math.min(2 ** run, maxPages, Math.floor(maxJobs / limit)));

const nameOf = ({ question, limit }: PageBehind, [cluster, proc]: ProcKey): string =>
  `${cluster}.${proc} ${limit} ${question}`;

const step = ([cluster, proc]: ProcKey, jobs: number): ProcKey => [cluster, proc + jobs];

function remember(runs: Map<string, number>, name: string, run: number): void {
  runs.delete(name);
  runs.set(name, run);
  const oldest = runs.keys().next().value;
  if (runs.size > maxRuns && oldest !== undefined) runs.delete(oldest);
}
