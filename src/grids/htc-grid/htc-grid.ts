/** An HTC-Grid behind the port: reading, following and cancelling on any table, submitting where there are workers. */
import { GridError } from '../../errors.js';
import { within } from '../../query/deadline.js';
import type { Projection } from '../../query/plan.js';
import type { Source } from '../../query/source.js';
import type { CompletionLog } from '../../streams/log.js';
import type { Capability, GridHealth } from '../grid.js';
import type { WorkRow } from '../row.js';
import type { Progress } from '../state.js';
import { progressOf } from '../state.js';
import type {
  CancelledSession,
  Completion,
  Payload,
  PayloadKind,
  SessionList,
  SessionRow,
  SubmitTasks,
  SubmittedTasks,
  TaskGrid,
  TaskRow,
} from '../tasks.js';
import type { ConfigQuery, ConfigRow } from '../jobs.js';
import { cancelSession } from './cancel.js';
import { mapOf } from './concurrency.js';
import { countsOf, everyState } from './counts.js';
import { configRows } from './config.js';
import { answeredByIndex } from './fields.js';
import { healthOf } from './health.js';
import type { HtcGridParts } from './htc-grid-parts.js';
import { indexEntry } from './item.js';
import { KnownSessions } from './known-sessions.js';
import { readPayload } from './payload.js';
import { rowFields } from './row.js';
import { sessionRow } from './session-row.js';
import { TaskSource } from './sources.js';
import { nativeStates, sessionOf, workState } from './status.js';
import { Totals } from './totals.js';

/** Sessions of one list without names; more is said as truncated. */
const maxSessions = 1000;
const parallelSessions = 8;
const defaultDeadlineMs = 20_000;

export class HtcGrid implements TaskGrid {
  readonly kind = 'HTC_GRID';
  readonly name: string;
  readonly embedded: boolean;
  readonly #totals: Totals;
  readonly #known: KnownSessions;
  #lastOkAt: number | null = null;
  #stopped: Promise<void> | undefined;

  constructor(private readonly parts: HtcGridParts) {
    this.name = parts.name;
    this.#totals = new Totals(parts);
    this.#known = new KnownSessions(parts);
    this.embedded = parts.embedded;
  }

  capabilities(): readonly Capability[] {
    const { submissions, data } = this.parts;
    return [
      ...(submissions === undefined ? [] : (['SUBMIT'] as const)),
      'CANCEL',
      'STREAM',
      'RESUME',
      ...(data === undefined ? [] : (['OUTPUT'] as const)),
    ];
  }

  async health(signal: AbortSignal): Promise<GridHealth> {
    const health = await healthOf(this.parts.components, this.#lastOkAt, signal);
    this.#lastOkAt = health.lastOkAt;
    return health;
  }

  async work(signal: AbortSignal): Promise<readonly Source<WorkRow>[]> {
    return this.tasks(undefined, signal);
  }

  async tasks(
    sessions: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly Source<TaskRow>[]> {
    if (sessions !== undefined) {
      await this.parts.registry.look(sessions);
      return [this.#source([...new Set(sessions)], false)];
    }
    const { ids, active } = await this.#known.all(signal);
    return [this.#source(ids.slice(0, maxSessions), active.truncated || ids.length > maxSessions)];
  }

  async sessions(
    { active }: { readonly active: boolean | undefined },
    signal: AbortSignal,
  ): Promise<SessionList> {
    const known = await this.#known.all(signal);
    const ids =
      active === undefined
        ? known.ids
        : known.ids.filter((id) => known.active.sessions.has(id) === active);
    return {
      rows: ids.map((id) => this.#sessionRow(id)),
      truncated: known.active.truncated,
      scanned: known.active.scanned,
      lookedAt:
        'the sessions submitted here, and task_status IN (pending, processing) of all others',
    };
  }

  async findSessions(
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (SessionRow | undefined)[]> {
    return this.#within(signal, async (limit) => {
      await this.parts.registry.look(ids);
      return mapOf(ids, parallelSessions, async (id) =>
        (await this.#known.has(id, limit)) ? this.#sessionRow(id) : undefined,
      );
    });
  }

  async findTasks(
    ids: readonly string[],
    signal: AbortSignal,
    projection: Projection = rowFields,
  ): Promise<readonly (TaskRow | Error | undefined)[]> {
    return this.#within(signal, async (limit) => {
      const items = await this.parts.reader.items(ids, limit);
      await this.parts.registry.look([...items.values()].map(({ sessionId }) => sessionId));
      const rows = await this.parts.rows.rows([...items.values()], projection.fields, limit);
      const byId = new Map(rows.map((row) => [row.nativeId, row]));
      return ids.map((id) => byId.get(id));
    });
  }

  async progress(
    sessions: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (Progress | Error)[]> {
    const { logs } = this.parts;
    return this.#within(signal, (limit) =>
      mapOf(sessions, parallelSessions, async (session) => {
        const followed = logs.peek(session);
        if (followed !== undefined) return followed.progress();
        try {
          const { counts } = await countsOf(session, everyState, this.parts, limit);
          return progressOf(counts);
        } catch (error) {
          limit.throwIfAborted();
          return error instanceof Error ? error : new Error(String(error));
        }
      }),
    );
  }

  async payload(
    taskId: string,
    kind: PayloadKind,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Payload | undefined> {
    const { data } = this.parts;
    if (data === undefined)
      throw this.#missing('has no data plane configured, so inputs and outputs can not be read');
    return readPayload(data, taskId, kind, maxBytes, signal);
  }

  async submit(request: SubmitTasks, signal: AbortSignal): Promise<SubmittedTasks> {
    const { submissions } = this.parts;
    if (submissions === undefined)
      throw this.#missing(
        `can not be submitted to: ${this.parts.noSubmissions ?? 'it has no workers'}`,
      );
    return submissions.submit(request, signal);
  }

  async cancel(
    sessions: readonly string[],
    dryRun: boolean,
    signal: AbortSignal,
  ): Promise<readonly CancelledSession[]> {
    const { reader, writer, logs, cancelled, submissions, registry } = this.parts;
    await registry.look(sessions);
    const settings = {
      reader,
      writer,
      logs,
      cancelled,
      native: this.parts.nativeCancel,
      sessionRow: (session: string) =>
        registry.get(session) === undefined && logs.peek(session) === undefined
          ? undefined
          : this.#sessionRow(session),
      halted: async (session: string) => submissions?.halt(session, signal),
    };
    const answers = await mapOf(sessions, 2, (session) =>
      cancelSession(session, dryRun, settings, signal),
    );
    // A session that was found by its rows alone has a row as well.
    return answers.map((answer) =>
      answer.session === null && answer.status !== 'NOT_FOUND'
        ? { ...answer, session: this.#sessionRow(answer.nativeId) }
        : answer,
    );
  }

  async config(query: ConfigQuery): Promise<readonly ConfigRow[]> {
    return configRows(this.name, this.parts.configuration ?? {}, query);
  }

  async rowsOf(
    completions: readonly Completion[],
    fields: ReadonlySet<string>,
  ): Promise<readonly (TaskRow | undefined)[]> {
    if (!answeredByIndex(fields)) return completions.map(() => undefined);
    // A session that another replica has just registered is its owner's all the same.
    if (fields.has('owner'))
      await this.parts.registry.look(completions.map(({ taskId }) => sessionOf(taskId)));
    return completions.map(({ taskId, state }) => {
      const native = nativeStates.find((one) => workState(one) === state);
      return native && this.parts.rows.row(indexEntry(taskId, native), fields);
    });
  }

  follow(session: string, signal: AbortSignal): Promise<CompletionLog<Completion>> {
    return this.parts.logs.follow(session, signal);
  }

  position(session: string) {
    const log = this.parts.logs.peek(session)?.log;
    // Position 0 stands at the beginning of any log of the name, whatever its epoch will be.
    return log === undefined
      ? { log: this.parts.logs.nameOf(session), epoch: 'none', position: 0 }
      : { log: log.name, epoch: log.epoch, position: log.end };
  }

  followAll(signal: AbortSignal): Promise<CompletionLog<Completion>> {
    return this.parts.everything.follow(signal);
  }

  coverage(): 'GRID' | 'FOLLOWED' {
    return this.parts.everything.coverage();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.parts.stop();
    return this.#stopped;
  }

  #source(sessions: readonly string[], truncated: boolean): TaskSource {
    const { reader, rows, registry, logs, deadlineMs = defaultDeadlineMs } = this.parts;
    const settings = {
      grid: this.name,
      reader,
      rows,
      registry,
      logs,
      totals: this.#totals,
      deadlineMs,
    };
    return new TaskSource(settings, sessions, truncated);
  }

  /** Look-ups are bounded as lists are. */
  #within<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { deadlineMs = defaultDeadlineMs } = this.parts;
    const overdue = () =>
      new GridError(
        'TIMED_OUT',
        `The grid "${this.name}" did not answer within ${String(deadlineMs)} ms.`,
      );
    return within({ signal, deadlineMs, overdue }, work);
  }

  #sessionRow(session: string): SessionRow {
    return sessionRow(this.name, session, this.parts.registry.get(session));
  }

  #missing(what: string): GridError {
    return new GridError('CAPABILITY_MISSING', `The grid "${this.name}" ${what}.`);
  }
}
