/**
 * Submitting a session: checked, registered, then carried into the grid. What fails half-way is said
 * in the registry, and what is in the grid by then is said exactly.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asGridError, GridError } from '../../errors.js';
import type { SubmitTasks, SubmittedTasks, SessionRow, UserError } from '../tasks.js';
import type { Carrier, Ends, Report } from './carrier.js';
import type { Hold, SessionEntry, SessionRegistry } from './registry.js';
import { HoldLost } from './registry.js';
import { newSessionId } from './session-id.js';
import type { SessionLogs } from './session-logs.js';
import { taskIdOf } from './status.js';
import { checkedHash, submissionDefaults, type SubmissionLimits } from './submission-check.js';

export interface SubmissionSettings extends SubmissionLimits {
  readonly registry: SessionRegistry;
  readonly carrier: Carrier;
  readonly logs: SessionLogs;
  /** True where a log of a session that is being submitted costs nothing, so that it misses nothing. */
  readonly logged: boolean;
  readonly queued: () => number;
  readonly sessionRow: (session: string) => SessionRow;
  /**
   * How long a submission may keep its caller; after that the answer is that it is SUBMITTING.
   * @default no limit
   */
  readonly answerMs?: number;
  /** Time between looks for submissions that replicas left; 0 where there are none. @default 0 */
  readonly takeUpMs?: number;
}

/** A submission that broke off, with what is in the grid of it. */
class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
  constructor(
    readonly reason: GridError,
    /** Those of its tasks that may run. */
    readonly taskIds: readonly string[],
  ) {
    super(reason.message);
  }
}

interface Running {
  readonly done: Promise<void>;
  readonly halt: AbortController;
}

export class Submissions {
  /** Submissions under way, by session. */
  readonly #running = new Map<string, Running>();
  readonly #settings: SubmissionSettings & Required<SubmissionLimits>;
  readonly #stop = new AbortController();
  #looking: NodeJS.Timeout | undefined;

  constructor(settings: SubmissionSettings) {
    this.#settings = { ...submissionDefaults, ...settings };
  }

  /** Once registered, a submission goes on to its end even when the client has gone away. */
  async submit(request: SubmitTasks, signal: AbortSignal): Promise<SubmittedTasks> {
    signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw new GridError('UNAVAILABLE', 'The grid has been stopped.');
    const hash = checkedHash(request, this.#settings);
    const { registry, carrier } = this.#settings;
    const { idempotencyKey } = request;
    const known =
      idempotencyKey === undefined ? undefined : registry.byKey(request.owner, idempotencyKey);
    if (known !== undefined) return this.#replay(known, request, hash, signal);
    const { payloads, owner, priority = 0, idempotencyKey: key } = request;
    if (request.dryRun) return { session: null, taskIds: [], replayed: false, error: null };
    const entry: SessionEntry = {
      session: newSessionId(),
      owner,
      expected: payloads.length,
      accepted: 0,
      state: 'SUBMITTING',
      submittedAt: Date.now(),
      priority,
      error: null,
      idempotency: key === undefined ? null : { key, inputHash: hash },
    };
    const { session } = entry;
    const begun = registry.begin(entry);
    const done = this.#run(
      entry,
      begun.then((one) => ('hold' in one ? one.hold : undefined)),
      (report, ends) => carrier.carry({ entry, payloads }, report, ends),
    );
    try {
      const first = await begun;
      if ('earlier' in first) return await this.#replay(first.earlier, request, hash, signal);
      await this.#patiently(() => done, signal);
    } catch (error) {
      // Another replica carries it on, or will.
      if (error instanceof HoldLost)
        return { ...this.#answer(session, payloads.length), replayed: false };
      if (!(error instanceof BrokenOff)) throw error;
      const { reason, taskIds } = error;
      if (taskIds.length > 0) return { ...this.#answer(session, 0), taskIds, replayed: false };
      throw new GridError(reason.code, `Session ${session} was not submitted: ${reason.message}`, {
        cause: reason,
        ...(reason.retryAfterMs === undefined ? {} : { retryAfterMs: reason.retryAfterMs }),
      });
    }
    return { ...this.#answer(session, payloads.length), replayed: false };
  }

  /** Resolves when no submission of the session is under way, here or at a replica, however it ended. */
  async settled(session: string, signal: AbortSignal): Promise<void> {
    await this.#running.get(session)?.done.catch(() => undefined);
    await this.#settings.registry.settled(session, signal);
  }

  /** The same, and what has not been sent yet is not sent any more. */
  async halt(session: string, signal: AbortSignal): Promise<void> {
    const running = this.#running.get(session);
    if (running === undefined) await this.#settings.registry.halt(session);
    else running.halt.abort(halted());
    await this.settled(session, signal);
  }

  /** Submissions that can be interrupted are, and are taken up again by the next process, or a replica. */
  async stop(): Promise<void> {
    this.#stop.abort(stopped());
    clearInterval(this.#looking);
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  /** Takes up what an earlier process did not end; what comes of it is in the registry. */
  resume(): Promise<void>[] {
    const { takeUpMs = 0 } = this.#settings;
    if (takeUpMs > 0) this.#looking ??= setInterval(() => void this.#takeUp(), takeUpMs);
    return this.#takeUp();
  }

  #takeUp(): Promise<void>[] {
    const { registry, carrier } = this.#settings;
    return registry
      .underWay()
      .filter(({ session }) => !this.#running.has(session))
      .map(async ({ session }) => {
        try {
          const taken = await registry.take(session);
          if (taken === undefined || this.#stop.signal.aborted || this.#running.has(session)) {
            await taken?.hold.release();
            return;
          }
          const { entry, hold } = taken;
          await this.#run(entry, Promise.resolve(hold), (report, ends) =>
            carrier.resume(entry, report, ends),
          );
        } catch {
          // What came of it is in the registry; one that could not be taken is looked at again.
        }
      });
  }

  #run(
    entry: SessionEntry,
    holding: Promise<Hold | undefined>,
    carry: (report: Report, ends: Ends) => Promise<void>,
  ): Promise<void> {
    const halt = new AbortController();
    const done = holding.then((hold) =>
      hold === undefined ? undefined : this.#carry(entry, hold, halt, carry),
    );
    this.#running.set(entry.session, { done, halt });
    const over = () => this.#running.delete(entry.session);
    done.then(over, over);
    return done;
  }

  async #carry(
    entry: SessionEntry,
    hold: Hold,
    halt: AbortController,
    carry: (report: Report, ends: Ends) => Promise<void>,
  ): Promise<void> {
    const { logs, logged } = this.#settings;
    const { session } = entry;
    const haltHere = () => {
      halt.abort(halted());
    };
    if (hold.halted.aborted) haltHere();
    hold.halted.addEventListener('abort', haltHere, { once: true });
    const stop = AbortSignal.any([this.#stop.signal, hold.lost]);
    let last = entry;
    const report: Report = (next) => {
      last = next;
      return hold.put(next, this.#stop.signal);
    };
    try {
      if (logged) await logs.begin(session);
      await carry(report, { halt: halt.signal, stop });
      logs.expect(session, last.accepted);
    } catch (error) {
      // The registry keeps it as it is: the next process goes on, or another replica does.
      if (stop.aborted) {
        await hold.release();
        throw hold.lost.aborted ? new HoldLost() : this.#stop.signal.reason;
      }
      throw await this.#breakOff(last, hold, asGridError(error));
    } finally {
      hold.halted.removeEventListener('abort', haltHere);
    }
  }

  async #breakOff(
    entry: SessionEntry,
    hold: Hold,
    cause: GridError,
  ): Promise<BrokenOff | HoldLost> {
    const { carrier, logs } = this.#settings;
    const { taskIds, mayRun, remark } = await carrier.settle(entry);
    const reason = new GridError(
      cause.code,
      remark === '' ? cause.message : `${cause.message} ${remark}`,
      { cause, ...(cause.retryAfterMs === undefined ? {} : { retryAfterMs: cause.retryAfterMs }) },
    );
    const accepted = mayRun ? taskIds.length : 0;
    const error = userErrorOf(reason);
    try {
      const failed = { ...entry, state: 'FAILED', accepted, error, sending: undefined } as const;
      await hold.put(failed, this.#stop.signal);
    } catch (refused) {
      if (refused instanceof HoldLost) return refused;
      // In memory it is said; the file that can't be written is the reason or will be met again.
    }
    logs.expect(entry.session, taskIds.length);
    return new BrokenOff(reason, mayRun ? taskIds : []);
  }

  /** Waits for a submission as long as a caller may be kept waiting. */
  async #patiently(
    done: (limit: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { answerMs } = this.#settings;
    const enough = new AbortController();
    const limit = AbortSignal.any([signal, enough.signal]);
    try {
      if (answerMs === undefined) return await done(limit);
      await Promise.race([done(limit), sleep(answerMs, undefined, { signal: limit })]);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      enough.abort();
    }
  }

  async #replay(
    entry: SessionEntry,
    request: SubmitTasks,
    inputHash: string,
    signal: AbortSignal,
  ): Promise<SubmittedTasks> {
    const { session } = entry;
    if (entry.idempotency?.inputHash !== inputHash)
      throw new GridError(
        'IDEMPOTENCY_CONFLICT',
        `The idempotency key ${JSON.stringify(request.idempotencyKey)} was used for other payloads or another priority (session ${session}). Use a new key.`,
      );
    await this.#patiently((limit) => this.settled(session, limit), signal);
    const { state, accepted, expected } = this.#settings.registry.get(session) ?? entry;
    const tasks = state === 'FAILED' ? accepted : expected;
    return { ...this.#answer(session, tasks), replayed: true };
  }

  #answer(session: string, tasks: number): Omit<SubmittedTasks, 'replayed'> {
    const { sessionRow, registry } = this.#settings;
    return {
      session: sessionRow(session),
      taskIds: Array.from({ length: tasks }, (_, index) => taskIdOf(session, index)),
      error: registry.get(session)?.error ?? null,
    };
  }
}

const halted = (): GridError =>
  new GridError(
    'BAD_USER_INPUT',
    'The session was cancelled before all of its tasks had been submitted.',
  );

/** Why a submission of a process that ends rejects: it is not over. */
const stopped = (): GridError =>
  new GridError('UNAVAILABLE', 'The server stops; the submission goes on when it is back.');

const userErrorOf = ({ code, message }: GridError): UserError => ({ code, message, path: null });
