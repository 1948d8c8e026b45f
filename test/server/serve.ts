/** A server over a tiny schema, on a free port of loopback, for the tests of its outside. */
import { buildSchema, type GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { DateTime } from '../../schema/scalars.js';
import { openAccess, type Authenticator } from '../../src/access/authenticator.js';
import { staticTokens, type StaticToken } from '../../src/access/tokens.js';
import { settings as settingsSchema } from '../../src/config/settings.js';
import { GridError } from '../../src/errors.js';
import { createMetrics, type Metrics } from '../../src/server/metrics.js';
import type { OperationRequest } from '../../src/server/operation.js';
import type { AskReadiness } from '../../src/server/readiness.js';
import { guardRoots } from '../../src/server/rules.js';
import { createServer, type Server } from '../../src/server/server.js';

interface TinyContext extends OperationRequest {
  readonly world: World;
}

/** What the tiny schema reads and reports. */
class World {
  /** Settles `slow`. */
  readonly slow = deferred<string>();
  readonly begun = deferred();
  readonly requests: OperationRequest[] = [];
  /** Streams that were opened and have ended. */
  opened = 0;
  ended = 0;
}

const sdl = /* GraphQL */ `
  scalar DateTime
  input Deep {
    deep: Deep
    many: [Deep!]
    n: Int
    at: [DateTime!]
  }
  type Thing {
    id: ID!
    thing: Thing
    n(first: Int = 1): Int!
  }
  type Query {
    hello: String
    thing: Thing!
    echo(text: String!): String
    take(input: Deep, at: DateTime): Int
    fail(with: String): String
    must: String!
    slow: String
    patient: String
    whoAmI: String
    act: String
  }
  type Mutation {
    set(n: Int!): Int
  }
  type Subscription {
    count(to: Int!): Int!
    quiet: Int!
    broken: Int!
    untilDrained: String!
  }
`;

type Resolve = (source: unknown, args: Record<string, unknown>, context: TinyContext) => unknown;

const resolvers: Record<string, Record<string, Resolve>> = {
  Query: {
    hello: () => 'world',
    thing: () => ({ id: '1' }),
    echo: (_, { text }) => text,
    take: () => 1,
    must: () => null,
    act: () => 'done',
    whoAmI: (_, __, { caller }) => caller.identity,
    slow(_, __, { world }) {
      world.begun.resolve();
      return world.slow.promise;
    },
    patient(_, __, { world, signal }) {
      world.begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    },
    fail(_, args) {
      if (args['with'] === 'plain') throw new Error('secret detail');
      throw new GridError('THROTTLED', 'The table asks to slow down; try later.', {
        retryAfterMs: 250,
      });
    },
  },
  Thing: { thing: () => ({ id: '2' }), n: (_, { first }) => first },
  Mutation: { set: (_, { n }) => n },
};

const streams: Record<string, Resolve> = {
  async *count(_, { to }) {
    for (let n = 1; n <= Number(to); n += 1) yield n;
  },
  async *quiet(_, __, { world, signal }) {
    world.opened += 1;
    try {
      yield 0;
      await aborted(signal);
    } finally {
      world.ended += 1;
    }
  },
  // eslint-disable-next-line require-yield
  async *broken() {
    throw new Error('secret detail');
  },
  async *untilDrained(_, __, { draining }) {
    yield 'open';
    await aborted(draining);
    yield 'END SHUTDOWN';
  },
};

/** Also where that was before it is asked: a frame may be at its client before the next one is. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

function tinySchema(): GraphQLSchema {
  const schema = buildSchema(sdl);
  const { parseValue } = DateTime;
  Object.assign(schema.getType('DateTime') ?? {}, { parseValue });
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!type || !('getFields' in type)) throw new Error(typeName);
    for (const [name, resolve] of Object.entries(fields)) {
      Object.assign(type.getFields()[name] ?? {}, {
        resolve,
        extensions: { rule: name === 'act' ? 'act' : 'anyone' },
      });
    }
  }
  for (const [name, subscribe] of Object.entries(streams)) {
    Object.assign(schema.getSubscriptionType()?.getFields()[name] ?? {}, {
      subscribe,
      resolve: (event: unknown) => event,
      extensions: { rule: 'own' },
    });
  }
  guardRoots(schema);
  return schema;
}

export interface ServeOptions {
  /** Default: the tiny one. */
  readonly schema?: GraphQLSchema;
  readonly server?: Record<string, unknown>;
  readonly limits?: Record<string, unknown>;
  readonly tokens?: readonly StaticToken[];
  readonly readiness?: AskReadiness;
  readonly playground?: string;
}

export interface Served extends AsyncDisposable {
  readonly url: URL;
  readonly graphql: string;
  readonly socketUrl: string;
  readonly server: Server;
  readonly world: World;
  readonly metrics: Metrics;
  /** The lines of the log, parsed. */
  readonly lines: readonly Record<string, unknown>[];
}

export async function serve(options: ServeOptions = {}): Promise<Served> {
  const { server: serverSettings, limits } = settingsSchema.parse({
    server: { port: 0, introspection: true, ...options.server },
    limits: options.limits ?? {},
  });
  const world = new World();
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const authenticator: Authenticator = options.tokens ? staticTokens(options.tokens) : openAccess;
  const metrics = createMetrics();
  const server = await createServer({
    schema: options.schema ?? tinySchema(),
    settings: serverSettings,
    limits,
    authenticator,
    makeContext(request): TinyContext {
      world.requests.push(request);
      return { ...request, world };
    },
    readiness: options.readiness ?? (async () => []),
    metrics,
    log,
    playground: options.playground ?? '/nowhere',
  });
  const url = await server.listen();
  return {
    url,
    graphql: new URL('/graphql', url).href,
    socketUrl: `ws://${url.host}/graphql`,
    server,
    world,
    metrics,
    lines,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly data: Record<string, unknown> | null | undefined;
  readonly errors: readonly AnswerError[];
}
export interface AnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly locations?: readonly unknown[];
  readonly extensions: Readonly<Record<string, unknown>> & { readonly code: string };
}

/** Posts an operation as a client that knows GraphQL over HTTP. */
export async function ask(
  served: Pick<Served, 'graphql'>,
  query: string,
  more: { variables?: unknown; operationName?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { headers, ...rest } = more;
  const response = await fetch(served.graphql, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json;q=0.9',
      ...headers,
    },
    body: JSON.stringify({ query, ...rest }),
  });
  return readAnswer(response);
}

export async function readAnswer(response: Response): Promise<Answer> {
  const body = (await response.json()) as { data?: Answer['data']; errors?: Answer['errors'] };
  return {
    status: response.status,
    headers: response.headers,
    data: body.data,
    errors: body.errors ?? [],
  };
}

export const codes = (answer: Pick<Answer, 'errors'>): string[] =>
  answer.errors.map(({ extensions }) => extensions.code);

/** One token for each role, at least as long as the configuration asks. */
export const tokens = {
  reader: 'reader-token-0123456789',
  user: 'user-token-0123456789',
  admin: 'admin-token-0123456789',
} as const;

export const staticTokenList: readonly StaticToken[] = [
  { token: tokens.reader, identity: 'rita', roles: ['reader'] },
  { token: tokens.user, identity: 'ulf', roles: ['user'] },
  { token: tokens.admin, identity: 'ada', roles: ['admin'] },
];

export const bearer = (token: string): Record<string, string> => ({
  authorization: `Bearer ${token}`,
});

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
