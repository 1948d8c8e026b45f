/** New session ids: version-1 UUIDs, as HTC-Grid's own client makes them. */
import { randomBytes } from 'node:crypto';

/** 100 ns steps between the UUID epoch (15 October 1582) and the Unix epoch. */
const epochSteps = 0x01b21dd213814000n;
/** A random node id has the multicast bit set, so that it is nobody's network address. */
const node = randomBytes(6);
node.writeUInt8(node.readUInt8(0) | 1, 0);
const clockSequence = ((randomBytes(2).readUInt16BE(0) & 0x3fff) | 0x8000).toString(16);
let last = 0n;

export function newSessionId(now: number = Date.now()): string {
  const steps = BigInt(now) * 10_000n + epochSteps;
  last = steps > last ? steps : last + 1n;
  const hex = last.toString(16).padStart(15, '0');
  const [high, mid, low] = [hex.slice(0, 3), hex.slice(3, 7), hex.slice(7)];
  return `${low}-${mid}-1${high}-${clockSequence}-${node.toString('hex')}`;
}

/** When a version-1 id was made, in epoch milliseconds; undefined for other ids. */
export function timeOfSessionId(id: string): number | undefined {
  const parts = /^([0-9a-f]{8})-([0-9a-f]{4})-1([0-9a-f]{3})-/.exec(id);
  if (parts === null) return undefined;
  const [, low = '', mid = '', high = ''] = parts;
  return Number((BigInt(`0x${high}${mid}${low}`) - epochSteps) / 10_000n);
}
