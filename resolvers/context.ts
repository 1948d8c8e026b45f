/** What every resolver has: the caller, the grids, and loaders that live for one request or one frame. */
import { setMaxListeners } from 'node:events';
import type { Caller } from '../src/access/caller.js';
import { ownWork } from '../src/access/caller.js';
import { HealthWatch } from '../src/grids/health-watch.js';
import type { GridRegistry } from '../src/grids/registry.js';
import type { TaskRow } from '../src/grids/tasks.js';
import type { Predicate } from '../src/query/predicate.js';
import { RecentRows, type StreamResume } from '../src/streams/index.js';
import { Loaders } from './loaders.js';

export interface GraphSettings {
  /** Rows a page at most. @default 1000 */
  readonly maxPageSize?: number;
  /** Distinct group keys kept in one list. @default 10000 */
  readonly maxGroups?: number;
  /** Sessions in one stream, and ids in one `nodes`. */
  readonly maxStreamSessions?: number;
  /** Jobs that one call may act on. @default 1000 */
  readonly maxActionJobs?: number;
}

export interface Operation {
  readonly caller: Caller;
  readonly requestId: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** How the server itself goes on with a stream that was begun before. */
  readonly resume?: StreamResume;
}

export interface GraphContext extends Operation {
  readonly grids: GridRegistry;
  readonly limits: Required<GraphSettings>;
  /** The work the caller may see; joined to every filter. */
  readonly own: Predicate;
  readonly loaders: Loaders;
  /** Rows of completions, shared by all subscribers of a grid. */
  readonly recent: ReadonlyMap<string, RecentRows<TaskRow>>;
  /** How the grids are, for all who watch. */
  readonly health: HealthWatch;
  /** Aborted when the server stops: streams end with a frame that says so. */
  readonly ends: AbortSignal;
}

const defaults: Required<GraphSettings> = {
  maxPageSize: 1000,
  maxGroups: 10_000,
  maxStreamSessions: 100,
  maxActionJobs: 1000,
};

/** What the resolvers of one server share; `close` ends its streams and reads. */
export class GraphService {
  readonly #recent: ReadonlyMap<string, RecentRows<TaskRow>>;
  readonly #limits: Required<GraphSettings>;
  readonly #health: HealthWatch;
  readonly #ends = new AbortController();

  constructor(
    readonly grids: GridRegistry,
    settings: GraphSettings = {},
  ) {
    this.#limits = { ...defaults, ...settings };
    this.#health = new HealthWatch(grids.all);
    this.#recent = new Map(
      grids.of('HTC_GRID').map((grid) => [
        grid.name,
        new RecentRows<TaskRow>({
          fetch: (keys, signal) =>
            grid.findTasks(
              keys.map(({ id }) => id),
              signal,
            ),
        }),
      ]),
    );
  }

  /** The context of one operation. */
  context(operation: Operation): GraphContext {
    // Every look-up under way listens: hundreds are no leak.
    setMaxListeners(0, operation.signal);
    return {
      ...operation,
      grids: this.grids,
      limits: this.#limits,
      own: ownWork(operation.caller),
      loaders: new Loaders(this.grids, { ...operation, ...this.#limits }),
      recent: this.#recent,
      health: this.#health,
      ends: this.#ends.signal,
    };
  }

  close(): void {
    this.#ends.abort('SHUTDOWN');
    for (const recent of this.#recent.values()) recent.close();
  }
}

/** The context of one frame of a stream: loaders would otherwise show the past for as long as it lives. */
export const freshLoaders = (context: GraphContext): GraphContext =>
  Object.assign(context, {
    loaders: new Loaders(context.grids, { ...context, ...context.limits }),
  });
