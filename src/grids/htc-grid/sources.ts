/** Tasks of sessions as a source of lists: scanned by the session index, counted by it, paged by task id. */
import type { Predicate, Ref, Value } from '../../query/predicate.js';
import { matches, refsOf } from '../../query/predicate.js';
import type { PageRequest, Projection } from '../../query/plan.js';
import { projectionOf, union } from '../../query/plan.js';
import type { Source, SourceRequest, Tally, Window } from '../../query/source.js';
import { rows } from '../row.js';
import type { TaskRow } from '../tasks.js';
import { mapOf } from './concurrency.js';
import { countsOf, everyState } from './counts.js';
import { answeredByIndex } from './fields.js';
import type { TaskItem } from './item.js';
import { attributes, indexEntry } from './item.js';
import {
  countable,
  countableFilter,
  forSession,
  isAlways,
  isNever,
  ofGrid,
  ofSession,
  statesOf,
} from './pushdown.js';
import type { SessionRegistry } from './registry.js';
import type { SessionLogs } from './session-logs.js';
import type { NativeState } from './status.js';
import { statusOf } from './status.js';
import type { TableReader } from './table.js';
import type { TaskRows } from './task-rows.js';
import type { Totals } from './totals.js';
import { windowOf } from './window.js';

export interface TaskSourceSettings {
  readonly grid: string;
  readonly reader: TableReader;
  readonly rows: TaskRows;
  readonly registry: SessionRegistry;
  readonly logs: SessionLogs;
  readonly totals: Totals;
  readonly deadlineMs: number;
}

const readRow = (row: TaskRow, ref: Ref): Value => rows.read(row, ref);

/** Sessions counted at once. */
const parallelCounts = 8;

export class TaskSource implements Source<TaskRow> {
  readonly grid: string;
  readonly part = undefined;
  readonly deadlineMs: number;

  /** @param truncated true where `sessions` are not all there are. */
  constructor(
    private readonly settings: TaskSourceSettings,
    private readonly sessions: readonly string[],
    private readonly truncated: boolean,
  ) {
    this.grid = settings.grid;
    this.deadlineMs = settings.deadlineMs;
  }

  known(ref: Ref): Value {
    const [only] = this.sessions;
    return only !== undefined && this.sessions.length === 1
      ? ofSession(this.#facts(only), ref)
      : ofGrid(this.grid, ref);
  }

  async *scan(
    request: SourceRequest & { readonly projection: Projection },
  ): AsyncGenerator<TaskRow> {
    const { notes, signal } = request;
    this.#note(request);
    notes.scanned = 0;
    for (const { session, filter } of this.#wanted(request.filter)) {
      const { fields } = union(request.projection, projectionOf(refsOf(filter)));
      for (const state of queriesOf(filter)) {
        notes.pushedDown ??= keyCondition(session, state, this.sessions.length);
        for await (const page of this.settings.reader.sessionPages(session, state, signal)) {
          notes.scanned += page.length;
          for (const row of await this.#rows(page, fields, signal))
            if (isAlways(filter) || matches(filter, row, readRow)) yield row;
        }
      }
    }
  }

  tally(
    request: SourceRequest & { readonly by: readonly Ref[] },
  ): AsyncIterable<readonly Tally<TaskRow>[]> | undefined {
    const fine = [countable(request.by), countableFilter(request.filter)];
    if (fine.includes(undefined)) return undefined;
    return this.#tally(request, fine.includes('state'));
  }

  window(
    request: SourceRequest & { readonly page: PageRequest; readonly projection: Projection },
  ): Promise<Window<TaskRow>> | undefined {
    const wanted = this.#wanted(request.filter);
    // Only whole sessions with ids 0..n-1 have pages that are known without reading what is before.
    if (!wanted.every(({ session, filter }) => isAlways(filter) && this.#isDense(session)))
      return undefined;
    return this.#window(
      wanted.map(({ session }) => session),
      request,
    );
  }

  async widen(
    narrow: readonly TaskRow[],
    request: Pick<SourceRequest, 'signal'> & { readonly projection: Projection },
  ): Promise<readonly TaskRow[]> {
    const { signal, projection } = request;
    const ids = narrow.map(({ nativeId }) => nativeId);
    const items = await this.settings.reader.items(ids, signal);
    const wide = await this.settings.rows.rows([...items.values()], projection.fields, signal);
    const byId = new Map(wide.map((row) => [row.nativeId, row]));
    return narrow.map((row) => byId.get(row.nativeId) ?? row);
  }

  async *#tally(
    request: SourceRequest,
    fine: boolean,
  ): AsyncGenerator<readonly Tally<TaskRow>[], void, undefined> {
    const { notes, signal } = request;
    this.#note(request);
    const wanted = this.#wanted(request.filter);
    notes.pushedDown = fine ? 'COUNT of each session and state' : 'COUNT of each session';
    notes.scanned = 0;
    const counts = await mapOf(wanted, parallelCounts, async ({ session, filter }) => {
      if (!fine) {
        const { tasks, scanned } = await this.settings.totals.of(session, signal);
        notes.scanned = (notes.scanned ?? 0) + scanned;
        return { session, byState: [['pending', tasks]] as const };
      }
      const counted = await countsOf(session, statesOf(filter).states, this.settings, signal);
      notes.scanned = (notes.scanned ?? 0) + counted.scanned;
      return { session, byState: [...counted.byNative] };
    });
    yield counts.flatMap(({ session, byState }) =>
      byState
        .filter(([, count]) => count > 0)
        .map(([state, count]) => ({ row: this.#sample(session, state), count })),
    );
  }

  /** A row that stands for all tasks of a session in a state. */
  #sample(session: string, state: NativeState): TaskRow {
    return this.settings.rows.row(indexEntry(session, state), new Set());
  }

  async #window(
    sessions: readonly string[],
    request: SourceRequest & { readonly page: PageRequest; readonly projection: Projection },
  ): Promise<Window<TaskRow>> {
    const { notes, page, projection, signal } = request;
    const { reader } = this.settings;
    this.#note(request);
    notes.scanned = 0;
    notes.pushedDown = `${attributes.taskId} IN (one page)`;
    const window = await windowOf([...sessions].sort(), page, {
      grid: this.grid,
      read: async (ids) => {
        const items = await reader.items(ids, signal);
        notes.scanned = (notes.scanned ?? 0) + items.size;
        return items;
      },
      size: async (session) => (await this.settings.totals.of(session, signal)).tasks,
    });
    return {
      rows: await this.settings.rows.rows(window.items, projection.fields, signal),
      more: window.more,
    };
  }

  /** Rows for entries of the session index; base rows are read only for fields the index lacks. */
  async #rows(
    entries: readonly TaskItem[],
    fields: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly TaskRow[]> {
    if (answeredByIndex(fields)) return this.settings.rows.rows(entries, fields, signal);
    const ids = entries.map(({ taskId }) => taskId);
    const items = await this.settings.reader.items(ids, signal);
    return this.settings.rows.rows([...items.values()], fields, signal);
  }

  /** The sessions that can hold a row, each with what remains of the filter there. */
  #wanted(filter: Predicate): readonly { readonly session: string; readonly filter: Predicate }[] {
    return this.sessions
      .map((session) => ({ session, filter: forSession(filter, this.#facts(session)) }))
      .filter(({ filter: rest }) => !isNever(rest));
  }

  #facts(session: string) {
    return { grid: this.grid, session, owner: this.settings.rows.ownerOf(session) };
  }

  /** A submission that stopped half-way may have gaps in its ids. */
  #isDense(session: string): boolean {
    return (this.settings.registry.get(session)?.state ?? 'SUBMITTED') === 'SUBMITTED';
  }

  #note({ notes }: SourceRequest): void {
    notes.asOfMs = Date.now();
    if (this.truncated) notes.truncated = true;
  }
}

/** One query for each state where the filter leaves few of them, else one for the whole session. */
function queriesOf(filter: Predicate): readonly (NativeState | undefined)[] {
  const { states, unknown } = statesOf(filter);
  return unknown || states.length === everyState.length ? [undefined] : states;
}

function keyCondition(session: string, state: NativeState | undefined, sessions: number): string {
  const status =
    state === undefined ? '' : ` AND ${attributes.status} = "${statusOf(state, session)}"`;
  const others = sessions > 1 ? `, and the like for up to ${String(sessions - 1)} more` : '';
  return `${attributes.sessionId} = "${session}"${status}${others}`;
}
