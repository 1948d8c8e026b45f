/** The settings of the grids behind the graph: one entry a grid, checked by its kind. */
import { z } from 'zod';
import { checkPoolActions, poolActions } from './pool-actions.js';
import type { DeployedEntry, DeployedSettings } from './deployed-grid.js';
import { deployedEntry } from './deployed-grid.js';
import { gridName } from './grid-name.js';

const redis = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65_535).default(6379),
  tls: z.boolean().default(false),
  password: z.string().optional(),
});

const embedded = z.strictObject({
  kind: z.literal('HTC_GRID'),
  name: gridName,
  embedded: z.literal(true),
  workers: z.int().min(1).max(256).default(4),
  handler: z.string().min(1).optional(),
  exec: z.array(z.string().min(1)).min(1).optional(),
  taskTimeoutMs: z.int().min(1).max(86_400_000).optional(),
  dataDir: z.string().min(1).optional(),
  tablePort: z.int().min(1).max(65_535).optional(),
  redis: redis.optional(),
});

const attribute = z
  .string()
  .regex(/^[A-Za-z_]\w{0,255}$/, 'expected the name of a ClassAd attribute such as "Environment"');

const embeddedPool = z.strictObject({
  kind: z.literal('HTCONDOR'),
  name: gridName,
  embedded: z.literal(true),
  cpus: z.int().min(1).max(1024).default(4),
  memoryMb: z.int().min(64).max(16_777_216).default(4096),
  slots: z.int().min(1).max(256).optional(),
  hideAttributes: z.array(attribute).optional(),
});

const pool = z.strictObject({
  kind: z.literal('HTCONDOR'),
  name: gridName,
  embedded: z.literal(false).default(false),
  prefix: z
    .strictObject({ kind: z.enum(['exec', 'ssh']), argv: z.array(z.string().min(1)).min(1) })
    .optional(),
  path: z.string().min(1).optional(),
  pool: z.string().min(1).optional(),
  schedds: z.array(z.string().min(1)).optional(),
  hideAttributes: z.array(attribute).optional(),
  maxJobs: z.int().min(1).max(10_000_000).optional(),
  eventLog: z
    .union([
      z.literal(false),
      z.strictObject({
        path: z.string().min(1),
        schedds: z.array(z.string().min(1)).min(1).optional(),
      }),
    ])
    .optional(),
  concurrency: z.int().min(1).max(64).default(4),
  deadlineMs: z.int().min(100).max(600_000).default(15_000),
  ...poolActions,
});
const checkedPool = pool.superRefine(checkPoolActions);

export type EmbeddedSettings = Readonly<z.output<typeof embedded>>;
export type EmbeddedPoolSettings = Readonly<z.output<typeof embeddedPool>>;
export type PoolSettings = Readonly<z.output<typeof pool>>;
/** An entry as it is written; that of a deployed grid is not complete without its `agentConfig`. */
export type GridEntry = EmbeddedSettings | DeployedEntry | EmbeddedPoolSettings | PoolSettings;
export type GridSettings =
  EmbeddedSettings | DeployedSettings | EmbeddedPoolSettings | PoolSettings;
export type { DeployedSettings } from './deployed-grid.js';

/** Chosen by hand, not by a union: the message is then about the kind that was meant. */
const grid = z.unknown().transform((entry, context): GridEntry => {
  const schema = schemaOf(entry);
  if (!schema) {
    context.addIssue({
      code: 'custom',
      path: ['kind'],
      message: 'expected "HTC_GRID" or "HTCONDOR"',
    });
    return z.NEVER;
  }
  const checked = schema.safeParse(entry);
  if (checked.success) return checked.data;
  // An issue that was found once is an issue here: zod's two types differ in optional marks alone.
  for (const issue of checked.error.issues) {
    context.issues.push({ ...issue, input: entry } as unknown as z.core.$ZodRawIssue);
  }
  return z.NEVER;
});

function schemaOf(entry: unknown): z.ZodType<GridEntry> | undefined {
  const { kind, embedded: inProcess } = (entry ?? {}) as Record<string, unknown>;
  if (kind === 'HTCONDOR') return inProcess === true ? embeddedPool : checkedPool;
  if (kind === 'HTC_GRID') return inProcess === true ? embedded : deployedEntry;
  return undefined;
}

export const gridSettings = z.array(grid).min(1);
