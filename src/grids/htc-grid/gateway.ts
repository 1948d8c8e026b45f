/**
 * The API gateway of a deployed grid: its paths, its errors, and what each of them means for the work
 * (docs/grids/htc-grid.md, "HTTP API"). The texts of its answers are never shown: they are tracebacks.
 */
import { z } from 'zod';
import { asGridError, GridError } from '../../errors.js';
import { backoff } from './backoff.js';
import type { OnCall } from './calls.js';
import { throttledError } from './calls.js';
import { Circuit } from './circuit.js';
import { encodeSubmission } from './encoding.js';
import type { Answer } from './http-call.js';
import { HttpFailure, httpCall } from './http-call.js';
import type { Login } from './login.js';

export interface GatewaySettings {
  /** With its stage: `https://…/v1`. */
  readonly url: string;
  /** The private gateway takes a key, the public one the token of a user. */
  readonly access: { readonly apiKey: string } | Login;
  /** How long one call may take; the gateway itself gives up after 29 s. @default 32_000 */
  readonly callMs?: number;
  readonly onCall?: OnCall;
}

/** What became of the work behind a call that failed: not begun, over, or perhaps still under way. */
export type Fate = 'NOT_BEGUN' | 'OVER' | 'UNKNOWN';

export class GatewayFault extends Error {
  override readonly name = 'GatewayFault';
  constructor(
    readonly reason: GridError,
    readonly fate: Fate,
    /** True where the same call may go through in a moment, and nothing comes of it twice. */
    readonly again = false,
  ) {
    super(reason.message);
  }
}

const submitted = z.object({ session_id: z.string(), task_ids: z.array(z.string()) });
const number = z.int().min(0);
const cancelled = z.record(
  z.string(),
  z.object({
    cancelled_pending: number,
    cancelled_processing: number,
    cancelled_retrying: number.optional(),
    total_cancelled_tasks: number,
  }),
);
export type CancelCounts = Readonly<z.output<typeof cancelled>[string]>;

const what = "The grid's gateway";
/** A Lambda's answer has 6 MB at most. */
const maxAnswerBytes = 8 * 1024 * 1024;
const rounds = { rounds: 4, firstMs: 250, mostMs: 4000 };
/** A session that no client makes: asking for its results costs three empty queries. */
const nobodysSession = '00000000-0000-1000-8000-000000000000';

export class Gateway {
  readonly #circuit = new Circuit({ what });
  #usedAt: number | undefined;

  constructor(private readonly settings: GatewaySettings) {}

  get state() {
    return this.#circuit.state;
  }

  /** When it was last called; undefined where it never was. */
  get usedAt(): number | undefined {
    return this.#usedAt;
  }

  /** @param name the payload's key without its ending. Rejects with a `GatewayFault`. */
  async submit(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const { task_ids } = await this.#call('POST', 'submit', name, submitted, signal);
    return task_ids;
  }

  /** Rejects with a `GatewayFault`. */
  async cancel(session: string, signal: AbortSignal): Promise<CancelCounts | undefined> {
    const content = encodeSubmission({ session_ids_to_cancel: [session] });
    return (await this.#call('POST', 'cancel', content, cancelled, signal))[session];
  }

  /** Login, gateway and result Lambda, in one call that reads nothing. */
  async probe(signal: AbortSignal): Promise<void> {
    const content = encodeSubmission({ session_id: nobodysSession });
    await this.#call('GET', 'result', content, z.looseObject({}), signal);
  }

  stop(): void {
    const { access } = this.settings;
    if (!('apiKey' in access)) access.stop();
  }

  /** Repeats what has certainly not begun: refused for its rate, or never received. */
  async #call<T>(
    method: 'GET' | 'POST',
    path: string,
    content: string,
    shape: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    let last: GatewayFault | undefined;
    const answer = await backoff(rounds, signal, async () => {
      try {
        return { value: await this.#counted(method, path, content, shape, signal) };
      } catch (error) {
        const fault =
          error instanceof GatewayFault ? error : new GatewayFault(asGridError(error), 'NOT_BEGUN');
        // Longer than any pause here: the caller is told when to come back.
        const isSoon = (fault.reason.retryAfterMs ?? 0) <= rounds.mostMs;
        if (!fault.again || !isSoon || signal.aborted) throw fault;
        last = fault;
        return undefined;
      }
    });
    if (answer !== undefined) return answer.value;
    throw last ?? new Error('A call was given up before it was made.');
  }

  async #counted<T>(
    method: 'GET' | 'POST',
    path: string,
    content: string,
    shape: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    this.#circuit.enter();
    this.#usedAt = Date.now();
    const start = performance.now();
    const tell = (outcome: 'ok' | 'throttled' | 'failed' | 'aborted') =>
      this.settings.onCall?.({ kind: 'gateway', outcome, ms: performance.now() - start });
    try {
      const answer = await this.#authorized(method, path, content, signal);
      if (answer.status !== 200) throw faultOf(answer);
      const read = shape.safeParse(jsonOf(answer.text));
      if (!read.success)
        throw new GatewayFault(
          new GridError(
            'UNAVAILABLE',
            `${what} answered ${path} with something else than JSON of it.`,
          ),
          'UNKNOWN',
        );
      this.#circuit.succeeded();
      tell('ok');
      return read.data;
    } catch (error) {
      if (signal.aborted) tell('aborted');
      else if (error instanceof GridError ? error.code === 'THROTTLED' : isThrottled(error))
        tell('throttled');
      else {
        tell('failed');
        // A Lambda that refuses what it was asked shows that all before it works.
        if (error instanceof LambdaFault) this.#circuit.succeeded();
        else this.#circuit.failed(error instanceof Error ? error.message : String(error));
      }
      throw error;
    }
  }

  /** A token that is refused before its time is replaced once. */
  async #authorized(
    method: 'GET' | 'POST',
    path: string,
    content: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { access } = this.settings;
    if ('apiKey' in access)
      return this.#send(method, path, content, { 'x-api-key': access.apiKey }, signal);
    const token = await access.token(signal);
    const answer = await this.#send(method, path, content, { authorization: token }, signal);
    if (answer.status !== 401) return answer;
    access.refused(token);
    const authorization = await access.token(signal);
    return this.#send(method, path, content, { authorization }, signal);
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    content: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { url, callMs = 32_000 } = this.settings;
    const query = `submission_content=${encodeURIComponent(content)}`;
    try {
      return await httpCall({
        what,
        method,
        url: `${url.replace(/\/+$/, '')}/${path}?${query}`,
        headers,
        callMs,
        maxBytes: maxAnswerBytes,
        signal,
      });
    } catch (error) {
      if (error instanceof HttpFailure)
        throw new GatewayFault(error.reason, error.sent ? 'UNKNOWN' : 'NOT_BEGUN', !error.sent);
      throw error;
    }
  }
}

/** A failure of the grid's own code, behind a gateway that works. */
class LambdaFault extends GatewayFault {}

const isThrottled = (error: unknown): boolean =>
  error instanceof GatewayFault && error.reason.code === 'THROTTLED';

function faultOf({ status, retryAfterMs }: Answer): GatewayFault {
  const unavailable = (message: string) => new GridError('UNAVAILABLE', `${what} ${message}`);
  switch (status) {
    case 401:
      return new GatewayFault(unavailable('refuses the login of this server (401).'), 'NOT_BEGUN');
    case 403:
      return new GatewayFault(
        unavailable(
          'refuses this server (403): the API key is wrong, or the URL is not its stage.',
        ),
        'NOT_BEGUN',
      );
    case 429:
      return new GatewayFault(
        retryAfterMs === undefined
          ? throttledError(what)
          : new GridError('THROTTLED', `${what} asks to slow down.`, { retryAfterMs }),
        'NOT_BEGUN',
        true,
      );
    case 502:
      return new LambdaFault(
        unavailable("reports that the grid's function broke off (502)."),
        'OVER',
      );
    case 542:
    case 543:
      return new LambdaFault(
        unavailable(`reports a failure inside the grid (${String(status)}).`),
        'OVER',
      );
    case 504:
      return new GatewayFault(
        new GridError('TIMED_OUT', `${what} gave up waiting for the grid (504), which goes on.`),
        'UNKNOWN',
      );
    default:
      // Of the others only those from 500 on can come from behind the gateway.
      return new GatewayFault(
        unavailable(`answered with status ${String(status)}.`),
        status < 500 ? 'NOT_BEGUN' : 'UNKNOWN',
      );
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
