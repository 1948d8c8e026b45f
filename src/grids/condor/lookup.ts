/**
 * Jobs by id: look-ups of different callers that arrive within a few milliseconds become a few commands.
 * Queue first, then history; a miss is asked once more shortly after, because a job leaves the queue
 * about 10 ms before the history shows it.
 */
import type { Ad } from '../../classad/ad.js';
import { union, type Projection } from '../../query/plan.js';
import type { SourceRequest } from '../../query/source.js';
import type { JobKey, JobOrigin, JobRow } from '../jobs.js';
import type { Command } from './command.js';
import { jobFields, jobKeyAttributes, jobTable } from './fields.js';
import { historyCommand } from './history.js';
import { idChunks } from './id-set.js';
import { jobRows } from './job-row.js';
import { GridError } from '../../errors.js';
import { checkDaemonName, collectAds, type Pool, type Schedd, troubleOf } from './pool.js';
import { attributesFor } from './projection.js';
import { queueCommand } from './queue.js';

export interface LookupOptions {
  /** Milliseconds without another look-up after which a batch is asked, four times as many at most. @default 3 */
  readonly gatherMs?: number | undefined;
  /** Milliseconds after which a miss is asked once more. @default 30 */
  readonly askAgainMs?: number | undefined;
  /** Whether whole ads keep `2.0` a real: for who evaluates constraints over them. @default false */
  readonly exactReals?: boolean;
}

/** History records that a look-up reads at most. */
const historyScanLimit = 50_000;
/** Records that can have come since the first ask: only a job that has just ended is still missing. */
const recentRecords = 500;

/** Milliseconds after which a batch no longer waits for a larger one. */
const besideMs = 100;

type Found = JobRow | Error | undefined;

interface Waiting {
  /** When it came, by the monotonic clock. */
  readonly atMs: number;
  readonly keys: readonly JobKey[];
  readonly projection: Projection;
  readonly signal: AbortSignal;
  readonly resolve: (found: readonly Found[]) => void;
  readonly reject: (error: unknown) => void;
  /** Ends the wait for a batch. */
  readonly leave: () => void;
}

export class JobLookup {
  private waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly asking = new Set<readonly Waiting[]>();

  constructor(
    private readonly pool: Pool,
    private readonly schedd: (name: string, signal: AbortSignal) => Promise<Schedd>,
    private readonly options: LookupOptions = {},
  ) {}

  find(
    keys: readonly JobKey[],
    projection: Projection,
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const atMs = performance.now();
      const leave = (): void => this.leave(one);
      const one: Waiting = { atMs, keys, projection, signal, resolve, reject, leave };
      this.waiting.push(one);
      // Behind batches that hang it may wait for long.
      signal.addEventListener('abort', leave, { once: true });
      this.schedule();
    });
  }

  stop(): void {
    clearTimeout(this.timer);
    for (const { reject } of this.takeWaiting()) {
      reject(new GridError('UNAVAILABLE', 'The server is stopping.'));
    }
  }

  private takeWaiting(): readonly Waiting[] {
    const all = this.waiting;
    this.waiting = [];
    for (const { signal, leave } of all) signal.removeEventListener('abort', leave);
    return all;
  }

  private leave(one: Waiting): void {
    const at = this.waiting.indexOf(one);
    if (at === -1) return;
    this.waiting.splice(at, 1);
    one.reject(one.signal.reason);
  }

  /**
   * A command scans the whole queue whatever it looks for: two of few ids take as long as one of many. So a batch waits
   * while others come; a second one goes beside the first when it is as large, or has waited long.
   */
  private schedule(): void {
    const [first] = this.waiting;
    if (first === undefined || this.asking.size >= 2) return;
    const gatherMs = this.options.gatherMs ?? 3;
    const waitedMs = performance.now() - first.atMs;
    const [beside] = this.asking;
    const delayMs =
      beside === undefined || this.waiting.length >= beside.length
        ? Math.min(gatherMs, 4 * gatherMs - waitedMs)
        : besideMs - waitedMs;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), delayMs);
  }

  private send(): void {
    this.timer = undefined;
    const batch = this.takeWaiting();
    if (batch.length === 0) return;
    this.asking.add(batch);
    void this.ask(batch).finally(() => {
      this.asking.delete(batch);
      this.schedule();
    });
  }

  private async ask(batch: readonly Waiting[]): Promise<void> {
    const [head, ...others] = batch;
    if (head === undefined) return;
    const projection = others.reduce((all, one) => union(all, one.projection), head.projection);
    const everybody = new AbortController();
    let present = batch.length;
    const leave = (waiting: Waiting): void => {
      waiting.reject(waiting.signal.reason);
      present -= 1;
      if (present === 0) everybody.abort();
    };
    const leaving = batch.map((waiting) => () => leave(waiting));
    batch.forEach(({ signal }, i) => {
      const onAbort = leaving[i] ?? (() => undefined);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      const found = await this.bySchedd(batch, projection, everybody.signal);
      for (const { keys, resolve } of batch) resolve(keys.map((key) => found.get(nameOf(key))));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      batch.forEach(({ signal }, i) =>
        signal.removeEventListener('abort', leaving[i] as () => void),
      );
    }
  }

  /** A schedd that fails is an error for its own keys. */
  private async bySchedd(
    batch: readonly Waiting[],
    projection: Projection,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Found>> {
    const groups = new Map<string, Map<string, JobKey>>();
    for (const key of batch.flatMap(({ keys }) => keys)) {
      const group = groups.get(key.schedd) ?? new Map<string, JobKey>();
      groups.set(key.schedd, group.set(nameOf(key), key));
    }
    const found = new Map<string, Found>();
    await Promise.all(
      [...groups].map(async ([name, keys]) => {
        try {
          checkDaemonName(name);
          const schedd = await this.schedd(name, signal);
          const rows = await findInSchedd(
            this.pool,
            schedd,
            [...keys.values()],
            projection,
            signal,
            {
              askAgainMs: this.options.askAgainMs ?? 30,
              exactReals: this.options.exactReals ?? false,
            },
          );
          for (const [key, row] of rows) found.set(key, row);
        } catch (error) {
          for (const key of keys.keys()) found.set(key, error as Error);
        }
      }),
    );
    return found;
  }
}

/** The same rows with more of their fields; what is gone in between stays as it is. */
export async function widenJobs(
  pool: Pool,
  schedd: Schedd,
  places: readonly JobOrigin[],
  rows: readonly JobRow[],
  request: Pick<SourceRequest, 'signal'> & { readonly projection: Projection },
): Promise<readonly JobRow[]> {
  const projection = rows.reduce((all, row) => union(all, heldBy(row)), request.projection);
  const found = await findInSchedd(pool, schedd, rows, projection, request.signal, {
    places,
    askAgainMs: 30,
  }).catch((error) => {
    throw troubleOf(schedd, error);
  });
  return rows.map((row) => found.get(nameOf(row)) ?? row);
}

/** What the row has already: the new one has to have it too. */
function heldBy(row: JobRow): Projection {
  return {
    fields: new Set(Object.keys(row).filter((name) => Object.hasOwn(jobFields, name))),
    attributes: new Set(row.record?.names() ?? []),
  };
}

interface Search {
  readonly places?: readonly JobOrigin[];
  /** Absent: a miss is not asked again. */
  readonly askAgainMs?: number;
  readonly exactReals?: boolean;
}

async function findInSchedd(
  pool: Pool,
  schedd: Schedd,
  keys: readonly JobKey[],
  projection: Projection,
  signal: AbortSignal,
  { places = ['QUEUE', 'HISTORY'], askAgainMs, exactReals = false }: Search,
): Promise<Map<string, JobRow>> {
  const found = new Map<string, JobRow>();
  const { hidden } = await pool.policy(signal);
  const attributes = attributesFor(projection, jobTable, jobKeyAttributes, hidden);
  const toRow = jobRows(pool.name, schedd.name, projection, hidden);
  const options = { exactReals: exactReals && attributes === undefined };
  const ask = async (origin: JobOrigin, commandFor: (chunk: Chunk) => Command): Promise<void> => {
    const missing = keys.filter((key) => !found.has(nameOf(key)));
    const wanted = new Set(missing.map(nameOf));
    const answers = await Promise.all(
      idChunks(missing).map((chunk) => collectAds(pool, commandFor(chunk), signal, options)),
    );
    const fetched = { origin, atMs: Date.now() };
    for (const row of answers.flat().map((ad: Ad) => toRow(ad, fetched))) {
      if (row !== undefined && wanted.has(nameOf(row))) found.set(nameOf(row), row);
    }
  };
  const askHistory = (scanLimit: number): Promise<void> =>
    ask('HISTORY', ({ keys: { length }, constraint }) => {
      // The scan ends with the last match, so that recent jobs cost little.
      const limit = ['-limit', String(length)];
      const query = { attributes, constraint };
      return historyCommand(pool, schedd, query, { scanLimit, since: undefined }, ...limit);
    });

  if (places.includes('QUEUE')) {
    await ask('QUEUE', ({ keys: { length }, constraint }) =>
      // The scan ends with the last of the ids.
      queueCommand(pool, schedd, { attributes, constraint }, '-limit', String(length)),
    );
  }
  if (places.includes('HISTORY')) await askHistory(historyScanLimit);
  if (askAgainMs !== undefined && found.size < new Set(keys.map(nameOf)).size) {
    await pause(askAgainMs, signal);
    await askHistory(recentRecords);
  }
  return found;
}

type Chunk = ReturnType<typeof idChunks>[number];

const nameOf = ({ schedd, clusterId, procId }: JobKey): string =>
  `${schedd} ${clusterId}.${procId}`;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
