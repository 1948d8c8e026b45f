/** The two calls of a Cognito user pool that a login takes; neither needs a signature. */
import { z } from 'zod';
import { GridError } from '../../errors.js';
import { backoff } from './backoff.js';
import type { Answer } from './http-call.js';
import { HttpFailure, httpCall } from './http-call.js';

const answerShape = z.object({
  ChallengeName: z.string().optional(),
  Session: z.string().optional(),
  ChallengeParameters: z.record(z.string(), z.string()).optional(),
  AuthenticationResult: z
    .object({
      IdToken: z.string().min(1).optional(),
      RefreshToken: z.string().min(1).optional(),
      ExpiresIn: z.number().positive().optional(),
    })
    .optional(),
});
export type PoolAnswer = Readonly<z.output<typeof answerShape>>;

const refusalShape = z.object({ __type: z.string(), message: z.string().default('') });

/** An answer of the user pool that says no; `skewMs` is how far this machine's clock is ahead of its. */
export class PoolRefusal extends Error {
  override readonly name = 'PoolRefusal';
  constructor(
    readonly type: string,
    readonly text: string,
    readonly skewMs: number,
  ) {
    super(type);
  }
}

const rounds = { rounds: 4, firstMs: 200, mostMs: 2000 };
const throttled = /^(TooManyRequests|LimitExceeded|Throttling|InternalError)/;
const maxAnswerBytes = 256 * 1024;
const what = "The grid's user pool";

export class UserPool {
  readonly #stopped = new AbortController();

  constructor(
    private readonly url: string,
    private readonly callMs: number,
  ) {}

  /** Neither call changes anything, so both are repeated when the user pool is busy or out of reach. */
  async call(
    operation: 'InitiateAuth' | 'RespondToAuthChallenge',
    body: object,
  ): Promise<PoolAnswer> {
    let last: Error | undefined;
    const answer = await backoff(rounds, this.#stopped.signal, async () => {
      try {
        return await this.#once(operation, body);
      } catch (error) {
        if (error instanceof HttpFailure) last = error.reason;
        else if (error instanceof PoolRefusal && throttled.test(error.type)) last = error;
        else throw error;
        return undefined;
      }
    });
    if (answer === undefined)
      throw last ?? new GridError('UNAVAILABLE', `${what} does not answer.`);
    return answer;
  }

  stop(): void {
    this.#stopped.abort(new GridError('UNAVAILABLE', 'The grid has been stopped.'));
  }

  async #once(operation: string, body: object): Promise<PoolAnswer> {
    const answer = await httpCall({
      what,
      method: 'POST',
      url: this.url,
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
      },
      body: JSON.stringify(body),
      callMs: this.callMs,
      maxBytes: maxAnswerBytes,
      signal: this.#stopped.signal,
    });
    if (answer.status === 200) {
      const read = answerShape.safeParse(jsonOf(answer.text));
      if (read.success) return read.data;
      throw new GridError('UNAVAILABLE', `${what} answered with something else than a login.`);
    }
    const refusal = refusalShape.safeParse(jsonOf(answer.text)).data;
    if (refusal === undefined || answer.status >= 500)
      throw new PoolRefusal('InternalErrorException', '', skewOf(answer));
    // `namespace#Type` with some services.
    const type = refusal.__type.split('#').at(-1) ?? '';
    throw new PoolRefusal(type.replace(/\W/g, ''), refusal.message, skewOf(answer));
  }
}

function skewOf({ date }: Answer): number {
  const theirs = Date.parse(date ?? '');
  return Number.isNaN(theirs) ? 0 : Date.now() - theirs;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
