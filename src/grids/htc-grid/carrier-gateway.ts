/**
 * The way into a deployed grid: inputs into the data plane, then the tasks in parts that its submit can
 * do in the time a gateway leaves it, one part after another. What an answer leaves open is read from
 * the table and never simply sent again: the grid would run finished tasks a second time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError } from '../../errors.js';
import type { Cargo, Carrier, Ends, Remainder, Report } from './carrier.js';
import type { DataPlane } from './data-plane.js';
import type { Gateway } from './gateway.js';
import { GatewayFault } from './gateway.js';
import type { TaskItem } from './item.js';
import type { SentPart, SessionEntry } from './registry.js';
import { parseStatus, taskIdOf } from './status.js';
import { storedInputs, storedSubmission } from './stored.js';
import type { TableReader } from './table.js';

export interface GatewayCarrierSettings {
  readonly data: DataPlane;
  readonly reader: TableReader;
  readonly gateway: Gateway;
  /** Most tasks in one call of the grid's submit; fewer after calls that took long. @default 1000 */
  readonly partTasks?: number;
  /** How long the grid's submit may run after its gateway has given up on it. @default 310_000 */
  readonly lambdaMs?: number;
  /** First pause between looks at the table for an open part; doubles up to ten times it. @default 1000 */
  readonly lookMs?: number;
  /** How long an open part is still looked for when the session is cancelled. @default 30_000 */
  readonly haltMs?: number;
  /** First pause before a part that the grid did not take is sent again. @default 1000 */
  readonly againMs?: number;
}

/** A call that takes longer makes the next part smaller, a quick one larger again. */
const slowMs = 10_000;
const quickMs = 3_000;
const leastTasks = 25;
/** How often a part may be sent that has certainly left no row. */
const maxSends = 5;

export class GatewayCarrier implements Carrier {
  readonly #settings: Required<GatewayCarrierSettings>;

  constructor(settings: GatewayCarrierSettings) {
    this.#settings = {
      partTasks: 1000,
      lambdaMs: 310_000,
      lookMs: 1000,
      haltMs: 30_000,
      againMs: 1000,
      ...settings,
    };
  }

  async carry({ entry, payloads }: Cargo, report: Report, ends: Ends): Promise<void> {
    const { data } = this.#settings;
    const { session, priority, submittedAt } = entry;
    const signal = AbortSignal.any([ends.halt, ends.stop]);
    const taskIds = idsOf(session, 0, payloads.length);
    await data.put(storedInputs(session, payloads), signal);
    // Of the whole session, whatever its parts are: readers find its number of tasks there.
    await data.put([storedSubmission(session, session, taskIds, priority, submittedAt)], signal);
    const stored = { ...entry, stored: true };
    await report(stored);
    await this.#send(stored, report, ends);
  }

  async resume(entry: SessionEntry, report: Report, ends: Ends): Promise<void> {
    if (entry.stored !== true)
      throw new GridError(
        'UNAVAILABLE',
        'The server ended before all inputs were stored; nothing was sent to the grid.',
      );
    await this.#send(entry, report, ends);
  }

  /** What was accepted is there; of the part that was open, what the table has. */
  async settle({ session, accepted, expected, sending }: SessionEntry): Promise<Remainder> {
    const taskIds = idsOf(session, 0, accepted);
    let states = '';
    if (sending !== undefined) {
      try {
        const rows = await this.#rowsOf(session, sending, undefined);
        const ids = idsOf(session, sending.first, sending.tasks);
        taskIds.push(...ids.filter((id) => rows.has(id)));
        states = statesOf([...rows.values()]);
      } catch {
        return {
          taskIds,
          mayRun: true,
          remark: `${String(accepted)} of ${String(expected)} tasks are in the grid; whether more are could not be read.`,
        };
      }
    }
    const found = `${String(taskIds.length)} of ${String(expected)} tasks are in the grid`;
    return {
      taskIds,
      mayRun: true,
      remark:
        taskIds.length === 0
          ? 'None of its tasks is in the grid.'
          : `${found}${states} and may run; follow the session, or cancel it.`,
    };
  }

  async #send(entry: SessionEntry, report: Report, ends: Ends): Promise<void> {
    const { partTasks } = this.#settings;
    let state = entry;
    let size = partTasks;
    let sends = 0;
    if (state.sending !== undefined) state = await this.#look(state, state.sending, report, ends);
    while (state.accepted < state.expected) {
      ends.stop.throwIfAborted();
      ends.halt.throwIfAborted();
      const first = state.accepted;
      const tasks = Math.min(size, state.expected - first);
      const sending: SentPart = { first, tasks, at: Date.now() };
      const name = await this.#storePart(state, sending);
      state = { ...state, sending };
      await report(state);
      sends++;
      try {
        await this.#settings.gateway.submit(name, ends.stop);
        state = { ...state, accepted: first + tasks, sending: undefined };
        await reportPart(state, report);
      } catch (error) {
        if (!(error instanceof GatewayFault) || ends.stop.aborted) throw error;
        state = await this.#afterFault(error, { state, sending, sends }, report, ends);
      }
      if (state.accepted > first) sends = 0;
      const tookMs = Date.now() - sending.at;
      if (tookMs > slowMs) size = Math.max(leastTasks, Math.floor(size / 2));
      else if (tookMs < quickMs) size = Math.min(partTasks, size * 2);
    }
    await report({ ...state, state: 'SUBMITTED', sending: undefined });
  }

  /**
   * A session of one part is sent as the Python client sends it; each of several has a key of its own. No key
   * ever has another value: a cache that was away would go on with the old one.
   */
  async #storePart({ session, expected, priority, submittedAt }: SessionEntry, part: SentPart) {
    if (part.tasks === expected) return session;
    const name = `${session}-part${String(part.first)}-${String(part.tasks)}`;
    const taskIds = idsOf(session, part.first, part.tasks);
    await this.#settings.data.put([
      storedSubmission(name, session, taskIds, priority, submittedAt),
    ]);
    return name;
  }

  /** Where a submission stands after a call that failed; throws where it can't go on. */
  async #afterFault(
    { fate, reason }: GatewayFault,
    { state, sending, sends }: { state: SessionEntry; sending: SentPart; sends: number },
    report: Report,
    ends: Ends,
  ): Promise<SessionEntry> {
    const without = { ...state, sending: undefined };
    switch (fate) {
      case 'NOT_BEGUN':
        await report(without);
        // The first part has a caller who can try again; later ones have tasks that wait for the rest.
        if (state.accepted === 0 || !reason.retryable || sends >= maxSends) throw reason;
        await this.#pause(sends, ends);
        return without;
      case 'OVER': {
        const rows = await this.#rowsOf(state.session, sending, ends.stop);
        if (rows.size > 0) throw reason;
        await report(without);
        if (sends >= 2) throw reason;
        await this.#pause(sends, ends);
        return without;
      }
      case 'UNKNOWN': {
        const after = await this.#look(state, sending, report, ends);
        if (after.accepted === state.accepted && sends >= 2) throw reason;
        return after;
      }
      default:
        return fate satisfies never;
    }
  }

  /**
   * Looks for the rows of a part whose call was not answered, until all are there or the grid's submit
   * can not be running any more. No row at all by then: it may be sent again. Some: it broke off.
   */
  async #look(
    state: SessionEntry,
    part: SentPart,
    report: Report,
    ends: Ends,
  ): Promise<SessionEntry> {
    const { lambdaMs, lookMs, haltMs } = this.#settings;
    const without = { ...state, sending: undefined };
    let overAt = part.at + lambdaMs;
    for (let pauseMs = lookMs; ; pauseMs = Math.min(lookMs * 10, pauseMs * 2)) {
      if (ends.halt.aborted) overAt = Math.min(overAt, Date.now() + haltMs);
      const isOver = Date.now() >= overAt;
      const rows = await this.#lookAt(state.session, part, isOver, ends.stop);
      if (rows === part.tasks) {
        const after = { ...without, accepted: part.first + part.tasks };
        await reportPart(after, report);
        return after;
      }
      if (isOver) {
        if (rows > 0)
          throw new GridError(
            'UNAVAILABLE',
            `The grid's submit broke off: of its tasks ${String(part.first)} to ${String(part.first + part.tasks - 1)} only ${String(rows)} have a row.`,
          );
        ends.halt.throwIfAborted();
        await report(without);
        return without;
      }
      const wait = Math.max(0, Math.min(pauseMs, overAt - Date.now()));
      // A cancellation shortens the search: it is noticed here.
      const signal = ends.halt.aborted ? ends.stop : AbortSignal.any([ends.stop, ends.halt]);
      await sleep(wait, undefined, { signal }).catch(() => {
        ends.stop.throwIfAborted();
      });
    }
  }

  /** How many rows of a part there are; its last row alone is asked for until that is there. */
  async #lookAt(session: string, part: SentPart, exactly: boolean, signal: AbortSignal) {
    const { reader } = this.#settings;
    try {
      if (!exactly) {
        const last = taskIdOf(session, part.first + part.tasks - 1);
        const found = await reader.items([last], signal, { consistent: true });
        if (found.size === 0) return 0;
      }
      return (await this.#rowsOf(session, part, signal)).size;
    } catch (error) {
      signal.throwIfAborted();
      // A table that is out of capacity is asked again later, but not for ever.
      if (exactly) throw error;
      return 0;
    }
  }

  #rowsOf(
    session: string,
    { first, tasks }: SentPart,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, TaskItem>> {
    return this.#settings.reader.items(idsOf(session, first, tasks), signal, { consistent: true });
  }

  async #pause(sends: number, ends: Ends): Promise<void> {
    const pauseMs = Math.min(30_000, this.#settings.againMs * 3 ** (sends - 1));
    const signal = AbortSignal.any([ends.stop, ends.halt]);
    await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {
      ends.stop.throwIfAborted();
      ends.halt.throwIfAborted();
    });
  }
}

const idsOf = (session: string, first: number, tasks: number): string[] =>
  Array.from({ length: tasks }, (_, index) => taskIdOf(session, first + index));

/** The last part is reported with the end of the submission, in one write. */
async function reportPart(state: SessionEntry, report: Report): Promise<void> {
  if (state.accepted < state.expected) await report(state);
}

function statesOf(rows: readonly TaskItem[]): string {
  const counts = new Map<string, number>();
  for (const { status } of rows) {
    const { native } = parseStatus(status);
    counts.set(native, (counts.get(native) ?? 0) + 1);
  }
  if (counts.size === 0) return '';
  const list = [...counts].map(([state, count]) => `${String(count)} ${state}`).join(', ');
  return ` (of the last part ${list})`;
}
