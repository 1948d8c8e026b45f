/**
 * Jobs by id: look-ups of different callers that arrive within a few milliseconds become a few commands.
 * First they wait for the queue, then those with jobs that are not there for the history.
 */
import { GridError } from '../../errors.js';
import { union, type Projection } from '../../query/plan.js';
import type { JobKey } from '../jobs.js';
import { Gathering } from './gathering.js';
import { nameOf, searchHistory, searchQueue, type JobSearch } from './job-search.js';
import { LookupCaller, type Found } from './lookup-caller.js';
import { checkDaemonName, type Pool, type Schedd } from './pool.js';
import { SharedAbort } from './shared-abort.js';

export interface LookupOptions {
  /** Milliseconds without another look-up after which a batch is asked, four times as many at most. @default 3 */
  readonly gatherMs?: number | undefined;
  /** Milliseconds after which a miss is asked once more. @default 30 */
  readonly askAgainMs?: number | undefined;
  /** Whether whole ads keep `2.0` a real: for who evaluates constraints over them. @default false */
  readonly exactReals?: boolean;
}

type Search = (search: JobSearch) => Promise<void>;

export class JobLookup {
  private readonly queue: Gathering<LookupCaller>;
  /** Apart from the queue: a long search there keeps nobody from jobs that are in the queue. */
  private readonly history: Gathering<LookupCaller>;
  private readonly leaving = new SharedAbort();

  constructor(
    private readonly pool: Pool,
    private readonly schedd: (name: string, signal: AbortSignal) => Promise<Schedd>,
    private readonly options: LookupOptions = {},
  ) {
    const gatherMs = options.gatherMs ?? 3;
    this.queue = new Gathering(gatherMs, async (batch) => {
      await this.ask(batch, searchQueue);
      for (const caller of batch) if (caller.waits) this.history.add(caller);
    });
    this.history = new Gathering(gatherMs, async (batch) => {
      await this.ask(batch, (search) => searchHistory(search, options.askAgainMs));
      for (const caller of batch) if (caller.waits) caller.answerNow();
    });
  }

  find(
    keys: readonly JobKey[],
    projection: Projection,
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (keys.length === 0) return Promise.resolve([]);
    const caller = new LookupCaller(keys, projection);
    const forget = this.leaving.add(signal, () => caller.leave(signal.reason));
    caller.onEnd((end) => {
      forget();
      if (end === 'answered') return this.queue.answered();
      this.queue.remove(caller);
      this.history.remove(caller);
    });
    this.queue.add(caller);
    return caller.answer;
  }

  stop(): void {
    for (const caller of [...this.queue.takeAll(), ...this.history.takeAll()]) {
      caller.leave(new GridError('UNAVAILABLE', 'The server is stopping.'));
    }
  }

  /** Over when all have been searched, or when nobody of them waits any more. */
  private async ask(batch: readonly LookupCaller[], search: Search): Promise<void> {
    const nobodyWaits = new AbortController();
    const projection = batch.map((caller) => caller.projection).reduce(union);
    await new Promise<void>((resolve) => {
      let waiting = batch.length;
      for (const caller of batch) {
        caller.onEnd((end) => {
          waiting -= 1;
          if (waiting > 0) return;
          // With all answers told, a command ends by itself.
          if (end === 'left') nobodyWaits.abort();
          resolve();
        });
      }
      void this.bySchedd(batch, projection, nobodyWaits.signal, search).then(resolve);
    });
  }

  /** A schedd that fails is an error for its own keys. */
  private async bySchedd(
    batch: readonly LookupCaller[],
    projection: Projection,
    signal: AbortSignal,
    search: Search,
  ): Promise<void> {
    const callers = new Map<string, LookupCaller[]>();
    const groups = new Map<string, Map<string, JobKey>>();
    for (const caller of batch) {
      for (const key of caller.missing()) {
        const name = nameOf(key);
        append(callers, name, caller);
        const group = groups.get(key.schedd) ?? new Map<string, JobKey>();
        groups.set(key.schedd, group.set(name, key));
      }
    }
    const tell = (name: string, found: Parameters<LookupCaller['tell']>[1]): void => {
      for (const caller of callers.get(name) ?? []) caller.tell(name, found);
    };
    await Promise.all(
      [...groups].map(async ([scheddName, group]) => {
        try {
          checkDaemonName(scheddName);
          await search({
            pool: this.pool,
            schedd: await this.schedd(scheddName, signal),
            projection,
            signal,
            missing: () => [...group.values()],
            tell: (row) => {
              const name = nameOf(row);
              group.delete(name);
              tell(name, row);
            },
            exactReals: this.options.exactReals ?? false,
          });
        } catch (error) {
          for (const name of group.keys()) tell(name, error as Error);
        }
      }),
    );
  }
}

function append<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
