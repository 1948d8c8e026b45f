/** Global ids: opaque and stable, made of the kind, the grid and the native parts. */
import { GridError } from '../errors.js';

/** The native parts of each kind, after the grid's name. */
export interface IdParts {
  readonly Grid: readonly [];
  readonly Session: readonly [sessionId: string];
  readonly Task: readonly [taskId: string];
  readonly JobCluster: readonly [schedd: string, clusterId: number];
  readonly Job: readonly [schedd: string, clusterId: number, procId: number];
  readonly Machine: readonly [name: string];
  readonly Slot: readonly [name: string];
  readonly PoolAd: readonly [type: string, name: string];
  readonly ConfigEntry: readonly [daemon: string | null, daemonName: string | null, name: string];
}
export type NodeKind = keyof IdParts;

export type DecodedId = {
  readonly [K in NodeKind]: { readonly kind: K; readonly grid: string; readonly parts: IdParts[K] };
}[NodeKind];

/** What each part has to be; `?` may be null. */
const shapes: { readonly [K in NodeKind]: readonly ('string' | 'integer' | 'string?')[] } = {
  Grid: [],
  Session: ['string'],
  Task: ['string'],
  JobCluster: ['string', 'integer'],
  Job: ['string', 'integer', 'integer'],
  Machine: ['string'],
  Slot: ['string'],
  PoolAd: ['string', 'string'],
  ConfigEntry: ['string?', 'string?', 'string'],
};

const maxLength = 2048;

export function encodeId<K extends NodeKind>(kind: K, grid: string, ...parts: IdParts[K]): string {
  return Buffer.from(JSON.stringify([kind, grid, ...parts])).toString('base64url');
}

/** The parts of an id; BAD_ID where it is not one of ours. */
export function decodeId(id: string): DecodedId {
  const parsed = id.length <= maxLength ? parse(id) : undefined;
  if (Array.isArray(parsed)) {
    const [kind, grid, ...parts] = parsed as unknown[];
    if (isKind(kind) && typeof grid === 'string' && fits(parts, shapes[kind])) {
      return { kind, grid, parts } as unknown as DecodedId;
    }
  }
  throw new GridError(
    'BAD_ID',
    `Expected an id that this server gave, came ${JSON.stringify(id.slice(0, 80))}. Native ids go into arguments such as jobId, taskId or sessionId.`,
  );
}

/** The same, where one kind alone makes sense. */
export function decodeIdAs<K extends NodeKind>(
  kind: K,
  id: string,
): Extract<DecodedId, { kind: K }> {
  const decoded = decodeId(id);
  if (decoded.kind === kind) return decoded as Extract<DecodedId, { kind: K }>;
  throw new GridError('BAD_ID', `Expected the id of a ${kind}, came the id of a ${decoded.kind}.`);
}

function parse(id: string): unknown {
  try {
    return JSON.parse(Buffer.from(id, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

const isKind = (kind: unknown): kind is NodeKind =>
  typeof kind === 'string' && Object.hasOwn(shapes, kind);

const fits = (parts: readonly unknown[], shape: readonly string[]): boolean =>
  parts.length === shape.length &&
  shape.every((type, i) => {
    const part = parts[i];
    if (type === 'integer') return Number.isSafeInteger(part) && (part as number) >= 0;
    return typeof part === 'string' || (type === 'string?' && part === null);
  });
