/**
 * A Cognito user pool for tests: it computes the other side of the login and so refuses a wrong
 * password, checks the time of a login, and hands out tokens that end.
 */
import { createHash, createHmac, getDiffieHellman, hkdfSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PoolUser {
  readonly password: string;
  /** What is asked after the password; none unless given. */
  readonly challenge?: string;
}

export interface UserPoolStandIn {
  readonly url: string;
  readonly userPoolId: string;
  readonly clientId: string;
  /** The flows that were asked for, in their order. */
  readonly flows: string[];
  /** Tokens that are valid now; a test takes one away to end it. */
  readonly tokens: Set<string>;
  /** Error types for the next calls, before anything is looked at. */
  readonly faults: string[];
  /** Seconds that tokens live. */
  lifeSec: number;
  /** How far this side's clock is behind the world's. */
  behindMs: number;
  stop(): Promise<void>;
}

const pool = 'AbCdEf123';
const N = BigInt(`0x${getDiffieHellman('modp15').getPrime('hex')}`);
const maxSkewMs = 5 * 60_000;

interface Pending {
  readonly user: string;
  readonly A: bigint;
  readonly B: bigint;
  readonly b: bigint;
  readonly salt: bigint;
}

export async function startUserPool(
  users: Readonly<Record<string, PoolUser>>,
): Promise<UserPoolStandIn> {
  const clientId = '1example23456789';
  const pending = new Map<string, Pending>();
  const refreshes = new Map<string, string>();
  let issued = 0;

  const tokensFor = (user: string, refresh: boolean) => {
    const id = `id-token-${String(++issued)}-of-${user}`;
    stand.tokens.add(id);
    const again = `refresh-token-${String(issued)}`;
    if (refresh) refreshes.set(again, user);
    return {
      AuthenticationResult: {
        IdToken: id,
        AccessToken: 'unused',
        ExpiresIn: stand.lifeSec,
        TokenType: 'Bearer',
        ...(refresh ? { RefreshToken: again } : {}),
      },
      ChallengeParameters: {},
    };
  };

  const initiate = (parameters: Record<string, string>, flow: string): object => {
    stand.flows.push(flow);
    if (flow === 'REFRESH_TOKEN_AUTH') {
      const user = refreshes.get(parameters['REFRESH_TOKEN'] ?? '');
      if (user === undefined) throw new Refusal('NotAuthorizedException', 'Invalid Refresh Token');
      return tokensFor(user, false);
    }
    const user = parameters['USERNAME'] ?? '';
    const known = users[user];
    if (known === undefined) throw new Refusal('UserNotFoundException', 'User does not exist.');
    const salt = integer(randomBytes(16));
    const b = integer(randomBytes(64));
    const v = power(2n, exponentX(salt, user, known.password));
    const B = (integer(digest(bytes(N), bytes(2n))) * v + power(2n, b)) % N;
    const block = randomBytes(96).toString('base64');
    pending.set(block, { user, A: BigInt(`0x${parameters['SRP_A'] ?? '0'}`), B, b, salt });
    return {
      ChallengeName: 'PASSWORD_VERIFIER',
      ChallengeParameters: {
        SALT: salt.toString(16),
        SRP_B: B.toString(16),
        SECRET_BLOCK: block,
        USERNAME: user,
        USER_ID_FOR_SRP: user,
      },
    };
  };

  const respond = (responses: Record<string, string>): object => {
    stand.flows.push('PASSWORD_VERIFIER');
    const block = responses['PASSWORD_CLAIM_SECRET_BLOCK'] ?? '';
    const asked = pending.get(block);
    pending.delete(block);
    const wrong = new Refusal('NotAuthorizedException', 'Incorrect username or password.');
    if (asked === undefined) throw wrong;
    const { user, A, B, b, salt } = asked;
    const known = users[user];
    const timestamp = responses['TIMESTAMP'] ?? '';
    const isForm = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [1-9]\d? \d\d:\d\d:\d\d UTC \d{4}$/.test(
      timestamp,
    );
    const skew = Math.abs(Date.parse(timestamp) - (Date.now() - stand.behindMs));
    if (known === undefined || !isForm || skew > maxSkewMs) throw wrong;
    const u = integer(digest(bytes(A), bytes(B)));
    const v = power(2n, exponentX(salt, user, known.password));
    const S = power(A * power(v, u), b);
    const key = Buffer.from(hkdfSync('sha256', bytes(S), bytes(u), 'Caldera Derived Key', 16));
    const signature = createHmac('sha256', key)
      .update(pool + user)
      .update(Buffer.from(block, 'base64'))
      .update(timestamp)
      .digest('base64');
    if (signature !== responses['PASSWORD_CLAIM_SIGNATURE']) throw wrong;
    if (known.challenge !== undefined)
      return { ChallengeName: known.challenge, Session: 's', ChallengeParameters: {} };
    return tokensFor(user, true);
  };

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      response.setHeader('date', new Date(Date.now() - stand.behindMs).toUTCString());
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      try {
        const fault = stand.faults.shift();
        if (fault !== undefined) throw new Refusal(fault, 'as the test wants it');
        const body = JSON.parse(Buffer.concat(parts).toString()) as {
          readonly ClientId: string;
          readonly AuthFlow: string;
          readonly AuthParameters: Record<string, string>;
          readonly ChallengeResponses: Record<string, string>;
        };
        if (body.ClientId !== clientId)
          throw new Refusal('ResourceNotFoundException', `User pool client ${body.ClientId}`);
        const target = request.headers['x-amz-target'];
        const answer =
          target === 'AWSCognitoIdentityProviderService.InitiateAuth'
            ? initiate(body.AuthParameters, body.AuthFlow)
            : respond(body.ChallengeResponses);
        response.end(JSON.stringify(answer));
      } catch (error) {
        const { type, message } =
          error instanceof Refusal ? error : new Refusal('SerializationException', String(error));
        response.statusCode = 400;
        response.end(JSON.stringify({ __type: type, message }));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stand: UserPoolStandIn = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
    userPoolId: `eu-west-1_${pool}`,
    clientId,
    flows: [],
    tokens: new Set(),
    faults: [],
    lifeSec: 3600,
    behindMs: 0,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return stand;
}

class Refusal extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

function exponentX(salt: bigint, user: string, password: string): bigint {
  return integer(digest(bytes(salt), digest(Buffer.from(`${pool}${user}:${password}`))));
}

function digest(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

const integer = (data: Buffer): bigint => BigInt(`0x${data.toString('hex')}`);

function bytes(value: bigint): Buffer {
  const hex = value.toString(16);
  const data = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return (data[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), data]) : data;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % N;
    if (bit === '1') result = (result * base) % N;
  }
  return result;
}
