/** The servers of the model: session logs over one of its sources of changes, whose every word is heard as well. */
import type { TaskChange } from '../../../src/grids/htc-grid/change.js';
import { changeOf, completionOf, isLast } from '../../../src/grids/htc-grid/change.js';
import type { CompletionSource, Follower } from '../../../src/grids/htc-grid/completion-source.js';
import { ChangeHub } from '../../../src/grids/htc-grid/completion-source.js';
import { Everything } from '../../../src/grids/htc-grid/everything.js';
import type { RawItem } from '../../../src/grids/htc-grid/item.js';
import { decodeItem } from '../../../src/grids/htc-grid/item.js';
import { PollSource } from '../../../src/grids/htc-grid/poll-source.js';
import { ChosenSource } from '../../../src/grids/htc-grid/push/chosen-source.js';
import { Confirmation } from '../../../src/grids/htc-grid/push/confirmation.js';
import type { Push, PushSink } from '../../../src/grids/htc-grid/push/push.js';
import type { StreamCalls } from '../../../src/grids/htc-grid/push/stream-calls.js';
import { TableStream } from '../../../src/grids/htc-grid/push/table-stream.js';
import { SessionLogs } from '../../../src/grids/htc-grid/session-logs.js';
import { workState } from '../../../src/grids/htc-grid/status.js';
import { TableReader } from '../../../src/grids/htc-grid/table.js';
import type { Completion } from '../../../src/grids/tasks.js';
import type { ModelGrid } from './grid.js';
import { isEnd } from './grid.js';
import type { Replica } from './redis.js';

export interface Server {
  readonly logs: SessionLogs;
  readonly replica?: Replica | undefined;
  stop(): Promise<void>;
}

const maxLogs = 2;

/** The end that an index tells of, which knows the state alone. */
export const isVague = ({ revision }: Completion): boolean => /^..0\.0$/.test(revision);

/** An embedded grid: the one writer tells of all it writes. */
export class Embedded implements Server {
  readonly logs: SessionLogs;
  readonly #hub = new ChangeHub();
  readonly #everything: Everything;

  constructor(grid: ModelGrid) {
    const { clock } = grid;
    this.#everything = new Everything({ grid: 'g', hasSource: () => true, limit: 12 });
    this.logs = new SessionLogs({
      grid: 'g',
      reader: new TableReader(grid.table),
      source: heard(this.#hub, grid, () => this.logs),
      everything: this.#everything,
      maxLogs,
      clock,
      expected: async (id) => {
        const session = grid.sessions.find((one) => one.id === id);
        return session?.submitted === session?.tasks ? session?.tasks : undefined;
      },
    });
    this.#hub.watchAll((changes) => {
      const ended = changes.filter(({ state }) => isLast(state));
      this.#everything.told(ended.map((change) => completionOf(change, clock.now())));
    });
  }

  written(now: RawItem, before: RawItem | undefined): void {
    const item = decodeItem(now);
    const change = item && changeOf(item);
    const was = before && decodeItem(before);
    // A worker that renews its claim says nothing.
    const renewed = was?.status === item?.status && was?.submittedAt === item?.submittedAt;
    if (change !== undefined && !renewed) this.#hub.emit(change.sessionId, [change]);
  }

  stop(): Promise<void> {
    return this.logs.stop();
  }
}

/** What workers' outputs tell: late, twice, in any order, or not at all. */
export class Hints {
  /** The next ones are lost. */
  lost = 0;
  delayMs = 0;
  /** While false it can't be attached. */
  works = true;
  readonly #attached = new Set<{ hint(taskId: string): void; lost(): void }>();

  constructor(private readonly grid: () => ModelGrid) {}

  written(taskId: string): void {
    if (this.lost > 0) {
      this.lost--;
      return;
    }
    const { clock } = this.grid();
    const tell = () => {
      for (const one of this.#attached) one.hint(taskId);
    };
    if (this.delayMs === 0) tell();
    else clock.after(this.delayMs, tell);
  }

  fail(): void {
    this.works = false;
    for (const one of this.#attached) one.lost();
  }

  push(reader: TableReader): Push {
    return {
      kind: 'KEYSPACE',
      what: 'the hints of the model',
      beside: 'HINTS',
      attach: async (sink: PushSink, signal: AbortSignal) => {
        if (!this.works) throw new Error('There are no hints.');
        const { clock } = this.grid();
        const end = new AbortController();
        const over = AbortSignal.any([signal, end.signal]);
        const confirmation = new Confirmation({
          reader,
          clock,
          signal: over,
          changes: sink.changes,
        });
        const attached = {
          hint: (taskId: string) => {
            confirmation.hint(taskId);
          },
          lost: () => {
            end.abort(new Error('The hints have ended.'));
            sink.lost(new Error('The hints have ended.'));
          },
        };
        this.#attached.add(attached);
        over.addEventListener('abort', () => this.#attached.delete(attached), { once: true });
      },
    };
  }
}

export interface Pushes {
  readonly calls: StreamCalls;
  readonly hints: Hints;
  /** Where its logs are shared. */
  readonly replica: Replica | undefined;
}

/** A server of a deployed grid: the stream of the table, hints, or the poll, whichever works. */
export class Deployed implements Server {
  readonly logs: SessionLogs;
  readonly replica: Replica | undefined;
  readonly #source: ChosenSource;

  constructor(grid: ModelGrid, { calls, hints, replica }: Pushes) {
    const { clock } = grid;
    this.replica = replica;
    const reader = new TableReader(grid.table);
    const everything = new Everything({ grid: 'g', hasSource: () => this.#source.gridWide });
    this.#source = new ChosenSource({
      pushes: [new TableStream({ reader, calls, readMs: 3000, clock }), hints.push(reader)],
      poll: new PollSource({ reader, clock }),
      all: (changes) => {
        const ended = changes.filter(({ state }) => isLast(state));
        everything.told(ended.map((change) => completionOf(change, clock.now())));
      },
      clock,
    });
    this.logs = new SessionLogs({
      grid: 'g',
      reader,
      // What is told is written over Redis, and in the log a while later.
      source: replica === undefined ? heard(this.#source, grid, () => this.logs) : this.#source,
      everything,
      maxLogs,
      lingerMs: 30_000,
      shared: replica?.logs,
      clock,
      expected: async (id) => grid.sessions.find((one) => one.id === id)?.tasks,
    });
  }

  async stop(): Promise<void> {
    this.#source.stop();
    await this.logs.stop();
    await this.replica?.stop();
  }
}

/** Whether a completion is this end of its task, as far as it says. */
export const covers = (entry: Completion, state: string, revision: string): boolean =>
  entry.revision === revision || (isVague(entry) && entry.state === state);

/**
 * The source, and one promise of the logs behind it: an end that they are told of, before any later one and once the
 * log is there, is in the log from then on.
 */
function heard(
  source: CompletionSource,
  grid: ModelGrid,
  logs: () => SessionLogs,
): CompletionSource {
  const watch = (session: string, follower: Follower, signal: AbortSignal) => {
    const latest = new Map<string, number>();
    let readyAt = Infinity;
    const changes = (news: readonly TaskChange[]) => {
      const log = logs().peek(session)?.log;
      const goesOn = log !== undefined && !log.complete && log.lost === undefined;
      if (goesOn) readyAt = Math.min(readyAt, grid.clock.now());
      const before = goesOn ? log.read(log.start, Infinity) : [];
      follower.changes(news);
      for (const change of news) {
        if (change.retries === undefined) continue;
        const { taskId } = change;
        const { revision, state } = completionOf(change, 0);
        const story = grid.story(taskId);
        const at = story.findIndex((one) => one.revision === revision);
        const isLate =
          at < (latest.get(taskId) ?? 0) ||
          (story[at]?.from ?? 0) < readyAt ||
          story
            .slice(at + 1)
            .some((later) => isLogged(before, taskId, workState(later.state), later.revision));
        latest.set(taskId, Math.max(at, latest.get(taskId) ?? 0));
        if (!goesOn || isLate || !isEnd(change.state)) continue;
        if (!isLogged(log.read(log.start, Infinity), taskId, state, revision))
          grid.broken.push(`${taskId} ${revision} was told and is not in the log`);
      }
    };
    return source.watch(session, { ...follower, changes }, signal);
  };
  return { watch };
}

const isLogged = (
  entries: readonly Completion[],
  taskId: string,
  state: string,
  revision: string,
): boolean => entries.some((entry) => entry.taskId === taskId && covers(entry, state, revision));
