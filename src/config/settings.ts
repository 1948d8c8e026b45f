/** Every setting of the server: its type, default and meaning. `docs/configuration.md` prints this table. */
import { z } from 'zod';
import { hashedToken } from '../access/tokens.js';
import { roles } from '../access/caller.js';
import { gridSettings } from './grids.js';

const count = (max = 1_000_000) => z.int().min(1).max(max);
const milliseconds = z.int().min(1).max(86_400_000);
const bytes = z.int().min(1_024).max(1_073_741_824);
const hostName = z
  .string()
  .regex(
    /^(\[[0-9a-f:.]+\]|[0-9a-f]*:[0-9a-f:.]+|[a-z0-9._-]+)$/i,
    'expected a host name or address without port',
  );
const origin = z
  .string()
  .regex(/^https?:\/\/[^/?#@\s]+$/i, 'expected an origin such as "https://portal.example.org"');

const server = z.strictObject({
  host: hostName
    .default('127.0.0.1')
    .describe('Address to listen on. Anything but loopback needs `access.tokens`.'),
  port: z.int().min(0).max(65_535).default(4000).describe('Port to listen on; 0 takes a free one.'),
  hosts: z
    .array(hostName)
    .default([])
    .describe('Names under which clients may address the server, besides localhost and loopback.'),
  origins: z
    .array(origin)
    .default([])
    .describe('Origins of web pages that may call the server, besides its own.'),
  introspection: z
    .boolean()
    .default(process.env['NODE_ENV'] !== 'production')
    .describe('Whether clients may read the schema. Off by default where NODE_ENV is production.'),
  playground: z.boolean().default(true).describe('Whether `/` serves the playground.'),
  shutdownMs: milliseconds
    .default(10_000)
    .describe('How long requests in flight may take to finish after SIGTERM.'),
  requestTimeoutMs: milliseconds
    .default(60_000)
    .describe('How long a client may take to send a request.'),
  initTimeoutMs: milliseconds
    .default(5_000)
    .describe('How long a WebSocket may take to send connection_init.'),
  keepAliveMs: milliseconds
    .default(30_000)
    .describe(
      'Time between pings on a WebSocket, comments in an event stream; a peer that takes nothing for so long is cut.',
    ),
  expiryGraceMs: milliseconds
    .default(5_000)
    .describe(
      'Time between the expiry of a token and the close of its WebSockets and event streams.',
    ),
});

const limits = z.strictObject({
  depth: count(1_000).default(15).describe('Levels of fields in an operation.'),
  introspectionDepth: count(1_000)
    .default(16)
    .describe('Levels of fields below `__schema` and `__type`.'),
  aliases: count()
    .default(100)
    .describe('Aliases in an operation, fragments counted where they are spread.'),
  selections: count()
    .default(2_000)
    .describe('Fields in an operation, fragments counted where they are spread.'),
  tokens: count().default(10_000).describe('Tokens in a document.'),
  documentBytes: bytes.default(256 * 1024).describe('Size of a document.'),
  bodyBytes: bytes
    .default(1024 * 1024)
    .describe('Size of a request body or WebSocket message of a caller who may not submit.'),
  submitBodyBytes: bytes
    .default(16 * 1024 * 1024)
    .describe('The same for a caller who may submit (role user or admin).'),
  pageSize: count(100_000).default(1_000).describe('Items in a page (`first`, `last`).'),
  actionJobs: count(100_000).default(1_000).describe('Jobs that one call may act on.'),
  operationsPerCaller: count().default(32).describe('Queries and mutations of one caller at once.'),
  subscriptionsPerCaller: count().default(100).describe('Open subscriptions of one caller.'),
  connections: count()
    .default(1_000)
    .describe('Open WebSockets of all callers, and as many event streams.'),
});

const token = z.strictObject({
  token: z
    .string()
    .refine(
      (text) =>
        hashedToken.test(text) || (/^[\x21-\x7e]{16,}$/.test(text) && !/^sha256:/i.test(text)),
      'expected at least 16 visible ASCII characters, or "sha256:" and 64 hex digits',
    ),
  identity: z.string().min(1).max(256),
  roles: z.array(z.enum(roles)).min(1),
  scopes: z.array(z.string()).optional(),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'expected a time such as "2030-01-31T12:00:00Z"' })
    .transform((text) => Date.parse(text))
    .optional(),
});

const access = z.strictObject({
  tokens: z
    .array(token)
    .default([])
    .describe(
      'Bearer tokens, each with identity, roles (reader, user, admin) and perhaps expiresAt.',
    ),
});

const log = z.strictObject({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least severe line of the JSON log on stderr.'),
});

const replicas = z.strictObject({
  redis: z
    .string()
    .refine(isRedisUrl, 'expected a URL such as "redis://HOST:6379/0", or "rediss://" for TLS')
    .nullable()
    .default(null)
    .describe(
      'Redis that replicas of this server share: `redis://HOST:6379/0`, or `rediss://` for TLS. Without it the server is alone.',
    ),
  password: z
    .string()
    .nullable()
    .default(null)
    .describe('Password of that Redis; wins over one in the URL.'),
  ca: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'PEM file of the authorities that its certificate may have; else those of the system.',
    ),
  prefix: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'expected 1 to 64 letters, digits, ".", "_", "-"')
    .default('htc-graph')
    .describe('How its keys begin. Servers with the same prefix are replicas of each other.'),
  leaseMs: z
    .int()
    .min(500)
    .max(60_000)
    .default(3_000)
    .describe('How long a replica that is silent keeps what it follows before another takes over.'),
});

/** The sections whose keys are single values: each has an environment variable. */
export const sections = { server, limits, log, replicas, access } as const;

export const settings = z.strictObject({
  server: server.prefault({}),
  limits: limits.prefault({}),
  access: access.prefault({}),
  log: log.prefault({}),
  replicas: replicas.prefault({}),
  grids: gridSettings.optional(),
});

function isRedisUrl(text: string): boolean {
  // ioredis takes "REDISS:" for a connection without TLS, and settings of its own from a search.
  if (!/^rediss?:/.test(text) || !URL.canParse(text)) return false;
  const { hostname, pathname, search } = new URL(text);
  return hostname !== '' && search === '' && /^(\/\d{0,5})?$/.test(pathname);
}

export type Settings = z.output<typeof settings>;
export type ServerSettings = Readonly<z.output<typeof server>>;
export type ReplicaSettings = Readonly<z.output<typeof replicas>>;
export type LimitSettings = Readonly<z.output<typeof limits>>;
