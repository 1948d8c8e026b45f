/**
 * The arithmetic of a login at a Cognito user pool: Secure Remote Password with the 3072 bit group of
 * RFC 3526, SHA-256 and Cognito's own names (docs/grids/htc-grid.md, "Login"). The password never leaves.
 */
import { createHash, createHmac, getDiffieHellman, hkdfSync, randomBytes } from 'node:crypto';

const group = getDiffieHellman('modp15');
const N = fromBytes(group.getPrime());
const g = 2n;
const k = hash(padded(N), padded(g));

export interface SrpKeys {
  readonly secret: bigint;
  /** What the user pool is told: hex. */
  readonly shown: string;
}

export function srpKeys(secret: bigint = fromBytes(randomBytes(128)) % N): SrpKeys {
  return { secret, shown: power(g, secret).toString(16) };
}

/** What the user pool answers a login with. */
export interface Challenge {
  /** Hex. */
  readonly salt: string;
  /** Hex. */
  readonly shown: string;
  /** Base64. */
  readonly secretBlock: string;
  readonly userId: string;
}

/** The signature that proves the password, base64; undefined where the challenge can't be an honest one. */
export function passwordSignature(
  keys: SrpKeys,
  challenge: Challenge,
  pool: string,
  password: string,
  timestamp: string,
): string | undefined {
  const A = BigInt(`0x${keys.shown}`);
  const B = BigInt(`0x${challenge.shown}`);
  const u = hash(padded(A), padded(B));
  if (B % N === 0n || u === 0n) return undefined;
  const { userId } = challenge;
  const identity = createHash('sha256').update(`${pool}${userId}:${password}`).digest();
  const x = hash(padded(BigInt(`0x${challenge.salt}`)), identity);
  const base = (((B - k * power(g, x)) % N) + N) % N;
  const S = power(base, keys.secret + u * x);
  const info = 'Caldera Derived Key';
  const key = Buffer.from(hkdfSync('sha256', padded(S), padded(u), info, 16));
  return createHmac('sha256', key)
    .update(pool)
    .update(userId)
    .update(Buffer.from(challenge.secretBlock, 'base64'))
    .update(timestamp)
    .digest('base64');
}

/** The part of a user pool's id that goes into its hashes. */
export const poolNameOf = (userPoolId: string): string =>
  userPoolId.slice(userPoolId.indexOf('_') + 1);

/** `Sat Nov 21 22:43:03 UTC 2026`: English names, no zero before the day. */
export function loginTime(ms: number): string {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(ms)
    .toUTCString()
    .split(/,? /);
  return `${day} ${month} ${String(Number(date))} ${time} UTC ${year}`;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % N;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % N;
    square = (square * square) % N;
  }
  return result;
}

function hash(...parts: readonly Uint8Array[]): bigint {
  const sha = createHash('sha256');
  for (const part of parts) sha.update(part);
  return fromBytes(sha.digest());
}

/** Big-endian, as few bytes as it takes, and a zero before them where the first bit is set. */
function padded(value: bigint): Buffer {
  const hex = value.toString(16);
  const even = hex.length % 2 === 1 ? `0${hex}` : hex;
  return Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex');
}

function fromBytes(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}
