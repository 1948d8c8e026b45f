/**
 * Submitting a session: checked, registered, then carried into the grid. What fails half-way is said
 * in the registry, and what is in the grid by then is said exactly.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { asGridError, GridError } from '../../errors.js';
import type { SubmitTasks, SubmittedTasks, SessionRow, UserError } from '../tasks.js';
import type { Carrier, Ends, Report } from './carrier.js';
import type { SessionEntry, SessionRegistry } from './registry.js';
import { newSessionId } from './session-id.js';
import type { SessionLogs } from './session-logs.js';
import { taskIdOf } from './status.js';

export interface SubmissionLimits {
  /** Tasks in one submission. @default 10_000 */
  readonly maxPayloads?: number;
  /** Bytes of one payload as JSON. @default 1_048_576 */
  readonly maxPayloadBytes?: number;
  /** Priorities are 0 to this, larger first. @default 9 */
  readonly maxPriority?: number;
  /** Tasks that may wait in the queue. @default 1_000_000 */
  readonly maxQueued?: number;
}

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

const maxKeyLength = 200;

export class Submissions {
  /** Submissions under way, by session. */
  readonly #running = new Map<string, Running>();
  readonly #settings: SubmissionSettings & Required<SubmissionLimits>;
  readonly #stop = new AbortController();

  constructor(settings: SubmissionSettings) {
    this.#settings = {
      maxPayloads: 10_000,
      maxPayloadBytes: 1024 * 1024,
      maxPriority: 9,
      maxQueued: 1_000_000,
      ...settings,
    };
  }

  /** Once registered, a submission goes on to its end even when the client has gone away. */
  async submit(request: SubmitTasks, signal: AbortSignal): Promise<SubmittedTasks> {
    signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw new GridError('UNAVAILABLE', 'The grid has been stopped.');
    const hash = this.#check(request);
    const earlier = this.#earlier(request, hash);
    if (earlier !== undefined) {
      await this.#patiently(this.settled(earlier.session), signal);
      const { state, accepted, expected } = this.#settings.registry.get(earlier.session) ?? earlier;
      const tasks = state === 'FAILED' ? accepted : expected;
      return { ...this.#answer(earlier.session, tasks), replayed: true };
    }
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
    const { carrier } = this.#settings;
    const done = this.#run(entry, (report, ends) =>
      carrier.carry({ entry, payloads }, report, ends),
    );
    try {
      await this.#patiently(done, signal);
    } catch (error) {
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

  /** Resolves when no submission of the session is under way, however it ended. */
  async settled(session: string): Promise<void> {
    await this.#running.get(session)?.done.catch(() => undefined);
  }

  /** The same, and what has not been sent yet is not sent any more. */
  async halt(session: string): Promise<void> {
    const reason = 'The session was cancelled before all of its tasks had been submitted.';
    this.#running.get(session)?.halt.abort(new GridError('BAD_USER_INPUT', reason));
    await this.settled(session);
  }

  /** Submissions that can be interrupted are, and are taken up again by the next process. */
  async stop(): Promise<void> {
    this.#stop.abort(stopped());
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  /** Takes up what an earlier process did not end; what comes of it is in the registry. */
  resume(): Promise<void>[] {
    const { registry, carrier } = this.#settings;
    return registry
      .entries()
      .filter(({ state }) => state === 'SUBMITTING')
      .map((entry) =>
        this.#run(entry, (report, ends) => carrier.resume(entry, report, ends)).catch(
          () => undefined,
        ),
      );
  }

  #run(entry: SessionEntry, carry: (report: Report, ends: Ends) => Promise<void>): Promise<void> {
    const halt = new AbortController();
    const ends = { halt: halt.signal, stop: this.#stop.signal };
    const done = this.#carry(entry, (report) => carry(report, ends));
    this.#running.set(entry.session, { done, halt });
    const over = () => this.#running.delete(entry.session);
    done.then(over, over);
    return done;
  }

  async #carry(entry: SessionEntry, carry: (report: Report) => Promise<void>): Promise<void> {
    const { registry, logs, logged } = this.#settings;
    const { session } = entry;
    let last = entry;
    const report: Report = (next) => {
      last = next;
      return registry.put(next);
    };
    // In memory at once: a second submission with the same key finds it.
    const registered = registry.put(entry);
    try {
      await Promise.all([registered, logged ? logs.begin(session) : undefined]);
      await carry(report);
      logs.peek(session)?.expect(last.accepted);
    } catch (error) {
      // The registry keeps it as it is: the next process goes on.
      this.#stop.signal.throwIfAborted();
      throw await this.#breakOff(last, asGridError(error));
    }
  }

  async #breakOff(entry: SessionEntry, cause: GridError): Promise<BrokenOff> {
    const { registry, carrier, logs } = this.#settings;
    const { taskIds, mayRun, remark } = await carrier.settle(entry);
    const reason = new GridError(
      cause.code,
      remark === '' ? cause.message : `${cause.message} ${remark}`,
      { cause, ...(cause.retryAfterMs === undefined ? {} : { retryAfterMs: cause.retryAfterMs }) },
    );
    const accepted = mayRun ? taskIds.length : 0;
    const error = userErrorOf(reason);
    try {
      await registry.put({ ...entry, state: 'FAILED', accepted, error, sending: undefined });
    } catch {
      // In memory it is said; the file that can't be written is the reason or will be met again.
    }
    logs.peek(entry.session)?.expect(taskIds.length);
    return new BrokenOff(reason, mayRun ? taskIds : []);
  }

  /** Waits for a submission as long as a caller may be kept waiting. */
  async #patiently(done: Promise<void>, signal: AbortSignal): Promise<void> {
    const { answerMs } = this.#settings;
    if (answerMs === undefined) return done;
    const enough = new AbortController();
    const limit = AbortSignal.any([signal, enough.signal]);
    try {
      await Promise.race([done, sleep(answerMs, undefined, { signal: limit })]);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      enough.abort();
    }
  }

  #answer(session: string, tasks: number): Omit<SubmittedTasks, 'replayed'> {
    const { sessionRow, registry } = this.#settings;
    return {
      session: sessionRow(session),
      taskIds: Array.from({ length: tasks }, (_, index) => taskIdOf(session, index)),
      error: registry.get(session)?.error ?? null,
    };
  }

  #earlier(request: SubmitTasks, inputHash: string): SessionEntry | undefined {
    const { idempotencyKey: key, owner } = request;
    if (key === undefined) return undefined;
    const entry = this.#settings.registry.byKey(owner, key);
    if (entry === undefined || entry.idempotency?.inputHash === inputHash) return entry;
    throw new GridError(
      'IDEMPOTENCY_CONFLICT',
      `The idempotency key ${JSON.stringify(key)} was used for other payloads or another priority (session ${entry.session}). Use a new key.`,
    );
  }

  /** Refuses what the grid could not run; gives a hash of what it is asked to run. */
  #check({ payloads, priority, idempotencyKey }: SubmitTasks): string {
    const { maxPayloads, maxPayloadBytes, maxPriority, maxQueued, queued } = this.#settings;
    if (payloads.length === 0) throw invalid('A session needs at least one payload; got none.');
    if (payloads.length > maxPayloads)
      throw invalid(
        `A submission has at most ${String(maxPayloads)} payloads; got ${String(payloads.length)}. Submit several sessions.`,
      );
    if (queued() + payloads.length > maxQueued)
      throw new GridError(
        'TOO_MANY_REQUESTS',
        `${String(queued())} tasks wait in the queue, at most ${String(maxQueued)} may; submit later.`,
      );
    if (
      priority !== undefined &&
      !(Number.isInteger(priority) && priority >= 0 && priority <= maxPriority)
    )
      throw invalid(`A priority is 0 to ${String(maxPriority)}; got ${String(priority)}.`);
    if (
      idempotencyKey !== undefined &&
      (idempotencyKey === '' || idempotencyKey.length > maxKeyLength)
    )
      throw invalid(`An idempotency key has 1 to ${String(maxKeyLength)} characters.`);
    const hash = createHash('sha256').update(String(priority ?? 0));
    for (const [index, payload] of payloads.entries()) {
      const json: string | undefined = JSON.stringify(payload);
      if (json === undefined) throw invalid(`Payload ${String(index)} is not a JSON value.`);
      const bytes = Buffer.byteLength(json);
      if (bytes > maxPayloadBytes)
        throw invalid(
          `Payload ${String(index)} has ${String(bytes)} bytes as JSON, at most ${String(maxPayloadBytes)} may be sent.`,
        );
      hash.update('\n').update(json);
    }
    return hash.digest('base64url');
  }
}

/** Why a submission of a process that ends rejects: it is not over. */
const stopped = (): GridError =>
  new GridError('UNAVAILABLE', 'The server stops; the submission goes on when it is back.');

const userErrorOf = ({ code, message }: GridError): UserError => ({ code, message, path: null });

const invalid = (message: string): GridError => new GridError('BAD_USER_INPUT', message);
