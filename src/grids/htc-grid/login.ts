/**
 * The login of this server at the grid's Cognito user pool: one for all calls that need it, renewed
 * before it ends. A login that was refused is not tried again at once: user pools lock users out.
 */
import { asGridError, GridError } from '../../errors.js';
import { throttledError } from './calls.js';
import { loginTime, passwordSignature, poolNameOf, srpKeys } from './srp.js';
import type { PoolAnswer } from './user-pool.js';
import { PoolRefusal, UserPool } from './user-pool.js';

export interface LoginSettings {
  readonly userPoolId: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  /** Another address of the user pool's region. @default that of AWS */
  readonly url?: string | undefined;
  /** How long one call may take. @default 10_000 */
  readonly callMs?: number;
  /** @default Date.now */
  readonly now?: () => number;
}

interface Tokens {
  readonly id: string;
  readonly refresh: string | undefined;
  /** Epoch milliseconds of this machine. */
  readonly endsAt: number;
  readonly renewAt: number;
}

/** A token is renewed this long before its end, or at four fifths of a short life. */
const renewBeforeMs = 5 * 60_000;
/** How long a refusal is repeated without asking the user pool. */
const refusedForMs = 30_000;
/** Beyond this a user pool takes a login's time for a forgery. */
const maxSkewMs = 4 * 60_000;
const what = "The grid's user pool";

export class Login {
  readonly #pool: UserPool;
  #tokens: Tokens | undefined;
  #pending: Promise<Tokens> | undefined;
  #refused: { readonly error: GridError; readonly until: number } | undefined;

  constructor(private readonly settings: LoginSettings) {
    const { userPoolId, url, callMs = 10_000 } = settings;
    const region = userPoolId.slice(0, userPoolId.indexOf('_'));
    this.#pool = new UserPool(url ?? `https://cognito-idp.${region}.amazonaws.com/`, callMs);
  }

  /** The ID token, as the gateway takes it. */
  async token(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const now = this.#now();
    const tokens = this.#tokens;
    if (tokens !== undefined && now < tokens.renewAt) return tokens.id;
    if (tokens !== undefined && now < tokens.endsAt && now < (this.#refused?.until ?? 0))
      return tokens.id;
    this.#pending ??= this.#renew(tokens).finally(() => {
      this.#pending = undefined;
    });
    return (await unless(signal, this.#pending)).id;
  }

  /** The gateway does not take this token any more. */
  refused(token: string): void {
    if (this.#tokens?.id === token) this.#tokens = undefined;
  }

  stop(): void {
    this.#pool.stop();
  }

  /** Goes on when the caller that began it leaves: others wait for it too. */
  async #renew(tokens: Tokens | undefined): Promise<Tokens> {
    if (this.#refused !== undefined && this.#now() < this.#refused.until) throw this.#refused.error;
    try {
      this.#tokens = (await this.#refresh(tokens)) ?? (await this.#logIn());
      this.#refused = undefined;
      return this.#tokens;
    } catch (thrown) {
      const error = thrown instanceof PoolRefusal ? this.#explain(thrown) : asGridError(thrown);
      this.#refused = { error, until: this.#now() + (error.retryAfterMs ?? refusedForMs) };
      // What still holds is used; the next call tries to renew it again.
      if (tokens !== undefined && this.#now() < tokens.endsAt) return tokens;
      throw error;
    }
  }

  /** Undefined where there is nothing to refresh with, or the user pool wants the password again. */
  async #refresh(tokens: Tokens | undefined): Promise<Tokens | undefined> {
    if (tokens?.refresh === undefined) return undefined;
    const { clientId } = this.settings;
    try {
      const answer = await this.#pool.call('InitiateAuth', {
        AuthFlow: 'REFRESH_TOKEN_AUTH',
        ClientId: clientId,
        AuthParameters: { REFRESH_TOKEN: tokens.refresh },
      });
      // The answer to a refresh has no new refresh token.
      return this.#tokensOf(answer, tokens.refresh);
    } catch (error) {
      if (error instanceof PoolRefusal && error.type === 'NotAuthorizedException') return undefined;
      throw error;
    }
  }

  async #logIn(): Promise<Tokens> {
    const { userPoolId, clientId, username, password } = this.settings;
    const keys = srpKeys();
    const asked = await this.#pool.call('InitiateAuth', {
      AuthFlow: 'USER_SRP_AUTH',
      ClientId: clientId,
      AuthParameters: { USERNAME: username, SRP_A: keys.shown },
    });
    const { SALT, SRP_B, SECRET_BLOCK, USER_ID_FOR_SRP } = asked.ChallengeParameters ?? {};
    const isHex = (text: string | undefined) => /^[0-9a-f]{1,1024}$/i.test(text ?? '');
    if (asked.ChallengeName !== 'PASSWORD_VERIFIER' || !isHex(SALT) || !isHex(SRP_B))
      throw this.#challenged(asked.ChallengeName);
    const userId = USER_ID_FOR_SRP ?? username;
    const timestamp = loginTime(this.#now());
    const challenge = {
      salt: SALT ?? '',
      shown: SRP_B ?? '',
      secretBlock: SECRET_BLOCK ?? '',
      userId,
    };
    const pool = poolNameOf(userPoolId);
    const signature = passwordSignature(keys, challenge, pool, password, timestamp);
    if (signature === undefined)
      throw new GridError('UNAVAILABLE', `${what} sent a challenge that proves nothing.`);
    const answer = await this.#pool.call('RespondToAuthChallenge', {
      ChallengeName: 'PASSWORD_VERIFIER',
      ClientId: clientId,
      ...(asked.Session === undefined ? {} : { Session: asked.Session }),
      ChallengeResponses: {
        USERNAME: userId,
        TIMESTAMP: timestamp,
        PASSWORD_CLAIM_SECRET_BLOCK: challenge.secretBlock,
        PASSWORD_CLAIM_SIGNATURE: signature,
      },
    });
    if (answer.ChallengeName !== undefined) throw this.#challenged(answer.ChallengeName);
    return this.#tokensOf(answer, undefined);
  }

  #tokensOf({ AuthenticationResult: result }: PoolAnswer, refresh: string | undefined): Tokens {
    if (result?.IdToken === undefined)
      throw new GridError('UNAVAILABLE', `${what} answered a login without a token.`);
    const now = this.#now();
    const lifeMs = (result.ExpiresIn ?? 3600) * 1000;
    return {
      id: result.IdToken,
      refresh: result.RefreshToken ?? refresh,
      endsAt: now + lifeMs,
      renewAt: now + Math.max(lifeMs - renewBeforeMs, lifeMs * 0.8),
    };
  }

  #challenged(name: string | undefined): GridError {
    return unavailable(
      name === 'NEW_PASSWORD_REQUIRED'
        ? `${what} wants this server's user to choose a new password first (FORCE_CHANGE_PASSWORD): let an administrator set a permanent one.`
        : `${what} asks this server's user for ${JSON.stringify(name ?? 'nothing')}; only a password can be given. Use a user without further factors.`,
    );
  }

  #explain({ type, text, skewMs }: PoolRefusal): GridError {
    if (Math.abs(skewMs) > maxSkewMs)
      return unavailable(
        `${what} refuses the login: the clock of this machine is ${String(Math.round(Math.abs(skewMs) / 1000))} s ${skewMs > 0 ? 'ahead of' : 'behind'} its own. Set the clock.`,
      );
    switch (type) {
      case 'NotAuthorizedException':
        return unavailable(
          /attempts exceeded/i.test(text)
            ? `${what} has locked this server's user for a while: too many wrong passwords.`
            : /disabled/i.test(text)
              ? `${what} has disabled this server's user.`
              : `${what} refuses the user name or the password that this server is configured with.`,
        );
      case 'UserNotFoundException':
        return unavailable(`${what} does not know the user that this server is configured with.`);
      case 'PasswordResetRequiredException':
        return unavailable(
          `${what} wants the password of this server's user to be reset; let an administrator set a permanent one.`,
        );
      case 'UserNotConfirmedException':
        return unavailable(`${what} has not confirmed this server's user yet.`);
      case 'ResourceNotFoundException':
        return unavailable(`${what} does not know the client id that is configured.`);
      case 'InvalidParameterException':
        return unavailable(
          `${what} does not allow this login; its client needs the flows USER_SRP_AUTH and REFRESH_TOKEN_AUTH.`,
        );
      case 'TooManyRequestsException':
      case 'LimitExceededException':
      case 'ThrottlingException':
        return throttledError(what);
      default:
        return unavailable(`${what} refuses the login (${type}).`);
    }
  }

  #now(): number {
    return (this.settings.now ?? Date.now)();
  }
}

const unavailable = (message: string): GridError => new GridError('UNAVAILABLE', message);

/** The promise, or the signal's reason as soon as that is aborted. */
async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let leave = () => undefined as void;
  const left = new Promise<never>((_resolve, reject) => {
    leave = () => {
      reject(signal.reason as Error);
    };
  });
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([promise, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
