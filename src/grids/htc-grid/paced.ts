/** A table whose reads keep one pace; those that are throttled are repeated for as long as readers are patient. */
import { GridError } from '../../errors.js';
import { pause, type Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import type { Connection, Operation, Operations } from './connection.js';
import { unitsOf } from './connection.js';
import type { ReadPace } from './read-pace.js';

export interface PacedSettings {
  /** How long one read may take with its waits and repeats; then it is THROTTLED. @default 8000 */
  readonly patienceMs?: number;
  /** The pause after the first throttle of a read; each further one is twice as long. @default 200 */
  readonly pauseMs?: number;
  readonly clock?: Clock;
}

export function paced(
  connection: Connection,
  pace: ReadPace,
  { patienceMs = 8000, pauseMs = 200, clock = systemClock }: PacedSettings = {},
): Connection {
  const { label } = connection;
  const closing = new AbortController();

  async function read<O extends Operation>(
    operation: O,
    input: Operations[O]['input'],
    signal: AbortSignal | undefined,
  ): Promise<Operations[O]['output']> {
    const patientUntil = clock.uptime() + patienceMs;
    let cause: unknown;
    for (let restMs = 0; ; restMs = restMs === 0 ? pauseMs : Math.min(2000, restMs * 2)) {
      const aloneMs = restMs * (0.5 + Math.random() / 2);
      const waitMs = Math.max(pace.waitMs, aloneMs);
      if (clock.uptime() + waitMs > patientUntil) throw tooLong(label, waitMs, cause);
      const untilMs = Math.max(pace.enter(), aloneMs);
      if (untilMs > 0) {
        await pause(clock, untilMs, either(signal, closing.signal)).catch((reason: unknown) => {
          pace.leave();
          throw reason;
        });
      }
      const startedAt = clock.uptime();
      try {
        const answer = await connection.send(operation, input, signal);
        pace.charge(unitsOf(answer));
        if (isIncomplete(answer)) pace.throttled(startedAt);
        return answer;
      } catch (error) {
        if (!(error instanceof GridError) || error.code !== 'THROTTLED') throw error;
        pace.throttled(startedAt);
        cause = error;
      }
    }
  }

  return {
    table: connection.table,
    label,
    send: (operation, input, signal) =>
      operation === 'Query' || operation === 'BatchGetItem'
        ? read(operation, input, signal)
        : connection.send(operation, input, signal),
    close: () => {
      closing.abort(new GridError('UNAVAILABLE', `${label} is closed.`));
      connection.close();
    },
  };
}

const either = (signal: AbortSignal | undefined, other: AbortSignal): AbortSignal =>
  signal === undefined ? other : AbortSignal.any([signal, other]);

/** A batch of which a throttled table left keys out. */
function isIncomplete(answer: object): boolean {
  if (!('UnprocessedKeys' in answer)) return false;
  const rest = answer.UnprocessedKeys as Operations['BatchGetItem']['output']['UnprocessedKeys'];
  return Object.values(rest ?? {}).some(({ Keys }) => (Keys?.length ?? 0) > 0);
}

const tooLong = (label: string, waitMs: number, cause: unknown): GridError =>
  new GridError(
    'THROTTLED',
    `${label} is short of read capacity; reads wait so that the grid's workers come first. Try again later.`,
    { cause, retryAfterMs: Math.max(1000, Math.ceil(waitMs)) },
  );
