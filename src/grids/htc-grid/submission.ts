/**
 * Submitting a session: registered first, then inputs and payload, then rows, then the queue. What
 * fails half-way is said in the registry, and rows that were written are cancelled before they run.
 */
import { createHash } from 'node:crypto';
import { asGridError, GridError } from '../../errors.js';
import type { SubmitTasks, SubmittedTasks, SessionRow } from '../tasks.js';
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import { Refused } from './calls.js';
import { eachOf } from './concurrency.js';
import type { DataPlane } from './data-plane.js';
import { inputKey, submissionKey } from './data-plane.js';
import { encodeSubmission } from './encoding.js';
import type { SessionEntry, SessionRegistry } from './registry.js';
import { newSessionId } from './session-id.js';
import type { SessionLogs } from './session-logs.js';
import { submissionPayload } from './submission-payload.js';
import { taskIdOf } from './status.js';
import type { NewTask, TableWriter } from './table-writer.js';

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
  readonly data: DataPlane;
  readonly writer: TableWriter;
  readonly logs: SessionLogs;
  readonly emit: (session: string, changes: readonly TaskChange[]) => void;
  readonly enqueue: (taskIds: readonly string[], priority: number) => void;
  readonly queued: () => number;
  readonly sessionRow: (session: string) => SessionRow;
}

const maxKeyLength = 200;

export class Submissions {
  /** Submissions under way, by session. */
  readonly #running = new Map<string, Promise<SubmittedTasks>>();
  readonly #settings: SubmissionSettings & Required<SubmissionLimits>;

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
    const inputs = this.#check(request);
    const inputHash = hashOf(inputs, request.priority ?? 0);
    const earlier = this.#earlier(request, inputHash);
    if (earlier !== undefined) {
      await this.settled(earlier.session);
      return { ...this.#answer(earlier.session, earlier.expected), replayed: true };
    }
    if (request.dryRun) return { session: null, taskIds: [], replayed: false };
    const entry: SessionEntry = {
      session: newSessionId(),
      owner: request.owner,
      expected: inputs.length,
      accepted: 0,
      state: 'SUBMITTING',
      submittedAt: Date.now(),
      priority: request.priority ?? 0,
      error: null,
      idempotency:
        request.idempotencyKey === undefined ? null : { key: request.idempotencyKey, inputHash },
    };
    const running = this.#run(entry, inputs);
    this.#running.set(entry.session, running);
    try {
      return await running;
    } finally {
      this.#running.delete(entry.session);
    }
  }

  isRunning(session: string): boolean {
    return this.#running.has(session);
  }

  /** Resolves when no submission of the session is under way, however it ended. */
  async settled(session: string): Promise<void> {
    await this.#running.get(session)?.catch(() => undefined);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /** Sessions whose submission an earlier process did not end: their rows are cancelled. */
  async recover(rowsOf: (session: string) => Promise<readonly string[]>): Promise<void> {
    for (const entry of this.#settings.registry.entries()) {
      if (entry.state !== 'SUBMITTING') continue;
      const written = await rowsOf(entry.session);
      const error = new GridError('UNAVAILABLE', 'The server ended during the submission.');
      await this.#giveUp(entry, written, error);
    }
  }

  async #run(entry: SessionEntry, inputs: readonly string[]): Promise<SubmittedTasks> {
    const { registry, data, writer, logs, emit, enqueue } = this.#settings;
    const { session, priority } = entry;
    const taskIds = inputs.map((_input, index) => taskIdOf(session, index));
    const written: string[] = [];
    // In memory at once: a second submission with the same key finds it.
    const registered = registry.put(entry);
    try {
      await Promise.all([registered, logs.begin(session)]);
      await data.put(storedOf(session, taskIds, inputs, priority, entry.submittedAt));
      const rows: NewTask[] = taskIds.map((taskId) => ({
        taskId,
        sessionId: session,
        priority,
        submittedAt: Date.now(),
      }));
      await writer.insert(rows, undefined, (chunk) => {
        written.push(...chunk.map(({ taskId }) => taskId));
        emit(session, chunk.map(pendingOf));
      });
      await registry.put({ ...entry, state: 'SUBMITTED', accepted: written.length });
    } catch (error) {
      const reason = asGridError(error);
      await this.#giveUp(entry, written, reason);
      throw new GridError(reason.code, `Session ${session} was not submitted: ${reason.message}`, {
        cause: error,
      });
    }
    logs.peek(session)?.expect(taskIds.length);
    enqueue(taskIds, priority);
    return { ...this.#answer(session, taskIds.length), replayed: false };
  }

  /** Rows that were written are cancelled (none has been queued), and the registry says why. */
  async #giveUp(entry: SessionEntry, written: readonly string[], reason: GridError): Promise<void> {
    const { registry, writer, emit, logs } = this.#settings;
    let left = 0;
    await eachOf(written, 8, async (taskId) => {
      try {
        const change = changeOf(await writer.cancel(taskId, 'pending'));
        if (change !== undefined) emit(entry.session, [change]);
      } catch (error) {
        if (!(error instanceof Refused)) left++;
      }
    });
    const rest = left === 0 ? '' : ` ${String(left)} of its tasks could not be cancelled.`;
    const error = { code: reason.code, message: reason.message + rest, path: null };
    try {
      await registry.put({ ...entry, state: 'FAILED', accepted: written.length, error });
    } catch {
      // In memory it is said; the file that can't be written is the reason or will be met again.
    }
    logs.peek(entry.session)?.expect(written.length);
  }

  #answer(session: string, tasks: number): Omit<SubmittedTasks, 'replayed'> {
    return {
      session: this.#settings.sessionRow(session),
      taskIds: Array.from({ length: tasks }, (_, index) => taskIdOf(session, index)),
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

  /** The payloads as JSON; refuses what the grid could not run. */
  #check({ payloads, priority, idempotencyKey }: SubmitTasks): readonly string[] {
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
    return payloads.map((payload, index) => {
      const json: string | undefined = JSON.stringify(payload);
      if (json === undefined) throw invalid(`Payload ${String(index)} is not a JSON value.`);
      const bytes = Buffer.byteLength(json);
      if (bytes > maxPayloadBytes)
        throw invalid(
          `Payload ${String(index)} has ${String(bytes)} bytes as JSON, at most ${String(maxPayloadBytes)} may be sent.`,
        );
      return json;
    });
  }
}

const invalid = (message: string): GridError => new GridError('BAD_USER_INPUT', message);

const pendingOf = ({ taskId, sessionId }: NewTask): TaskChange => ({
  taskId,
  sessionId,
  state: 'pending',
  retries: 0,
  completedAt: 0,
});

function hashOf(inputs: readonly string[], priority: number): string {
  const hash = createHash('sha256').update(String(priority));
  for (const input of inputs) hash.update('\n').update(input);
  return hash.digest('base64url');
}

function* storedOf(
  session: string,
  taskIds: readonly string[],
  inputs: readonly string[],
  priority: number,
  now: number,
): Generator<readonly [string, string]> {
  for (const [index, taskId] of taskIds.entries())
    yield [inputKey(taskId), Buffer.from(inputs[index] ?? 'null', 'utf8').toString('base64')];
  yield [
    submissionKey(session),
    encodeSubmission(submissionPayload(session, taskIds, priority, now)),
  ];
}
