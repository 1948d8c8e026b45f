/** GraphQL over WebSocket: what graphql-ws asks at each step of an operation. */
import { execute, type ExecutionArgs, type ExecutionResult, type GraphQLSchema } from 'graphql';
import type { ServerOptions, SubscribePayload } from 'graphql-ws';
import { authorizationOf, type Authenticator } from '../access/authenticator.js';
import type { Caller } from '../access/caller.js';
import { GridError } from '../errors.js';
import type { Concurrency } from './concurrency.js';
import type { ReadDocument } from './documents.js';
import { formatError, type LogFault } from './errors.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import {
  clientGone,
  noteErrors,
  recordTrace,
  startTrace,
  type MakeContext,
  type Trace,
} from './operation.js';
import { errorsOf, prepare } from './prepare.js';
import { endsAtOnce } from './source.js';
import type { EncodedFrame } from './streams/encoded-frame.js';
import type { Outlet } from './streams/member.js';
import { streamKey } from './streams/stream-key.js';
import type { Streams, Subscription } from './streams/streams.js';

/** One socket, as far as its operations are concerned. */
export interface Connection {
  readonly requestId: string;
  /** `Authorization` of the upgrade request, for clients that can set it. */
  readonly authorization: string | undefined;
  caller: Caller | null;
  /** Where its subscriptions write their frames. */
  readonly outlet: SocketOutlet;
  /** Operations that have not ended, by the payload they came with: an id may be used again. */
  readonly running: Map<SubscribePayload, Running>;
  close(code: number, reason: string): void;
  /** Called when the caller is known. */
  authenticated(caller: Caller): void;
  /** Called when an operation has ended. */
  ended(): void;
}

/** The way to the peer of a socket. */
export interface SocketOutlet extends Omit<Outlet, 'write'> {
  /** Sends a text message that begins with `head`. */
  write(head: string, rest: Buffer): void;
}

interface Running {
  readonly trace: Trace;
  /** Undefined once a subscription is a member of its stream, which ends by itself. */
  abort: AbortController | undefined;
  leave: () => void;
}

/** A subscription between its checks and its beginning. */
interface Beginning {
  readonly running: Running;
  readonly subscription: Subscription;
  readonly outlet: Outlet;
}

export interface SocketOperationsOptions {
  readonly schema: GraphQLSchema;
  readonly documents: ReadDocument;
  readonly streams: Streams;
  readonly authenticator: Authenticator;
  readonly concurrency: Concurrency;
  readonly initTimeoutMs: number;
  readonly makeContext: MakeContext;
  readonly draining: AbortSignal;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly logFault: LogFault;
}

type Hooks = ServerOptions<Record<string, unknown> | undefined, Connection>;

export function socketOperations(options: SocketOperationsOptions): Hooks {
  const { schema, streams, authenticator, concurrency, makeContext, draining } = options;
  const { metrics, log, logFault } = options;
  const beginnings = new WeakMap<ExecutionArgs, Beginning>();
  const queries = new WeakMap<ExecutionArgs, Running>();
  let count = 0;

  function begin(
    connection: Connection,
    id: string,
    payload: SubscribePayload,
    trace: Trace,
  ): ExecutionArgs {
    const { caller } = connection;
    if (!caller) throw new Error('An operation came before the connection was acknowledged.');
    const { document, operation } = prepare(payload, caller, trace, options);
    const kind = trace.type === 'subscription' ? 'subscriptions' : 'operations';
    const leave = concurrency.enter(kind, caller.identity);
    const abort = new AbortController();
    const running: Running = { trace, abort, leave };
    if (kind === 'subscriptions') metrics.subscriptions(1);
    connection.running.set(payload, running);
    const { requestId } = trace;
    const { signal } = abort;
    const { query, operationName, variables } = payload;
    const args = { schema, document, operationName, variableValues: variables };
    if (kind === 'operations') {
      const contextValue = makeContext({ caller, requestId, signal, draining });
      const queryArgs = { ...args, contextValue };
      queries.set(queryArgs, running);
      return queryArgs;
    }
    const key = streamKey({ query, document, operation, variables, caller });
    const outlet = new OperationOutlet(connection.outlet, id, trace);
    beginnings.set(args, {
      running,
      outlet,
      subscription: { key, caller, requestId, signal, args },
    });
    // Equal documents have one text, for as long as they are followed.
    Object.assign(payload, { query: document.loc?.source.body ?? query });
    return args;
  }

  function end(connection: Connection, payload: SubscribePayload): void {
    const running = connection.running.get(payload);
    if (!running) return;
    connection.running.delete(payload);
    running.leave();
    running.abort?.abort(clientGone);
    if (running.trace.type === 'subscription') metrics.subscriptions(-1);
    recordTrace(running.trace, metrics, log);
    connection.ended();
  }

  return {
    connectionInitWaitTimeout: options.initTimeoutMs,

    async onConnect({ extra: connection, connectionParams }) {
      try {
        const authorization = authorizationOf(connectionParams) ?? connection.authorization;
        const caller = await authenticator.authenticate(authorization);
        connection.caller = caller;
        connection.authenticated(caller);
        return true;
      } catch (error) {
        if (!(error instanceof GridError)) throw error;
        // graphql-ws closes with the same code and a word; the first close counts, and says more.
        connection.close(4403, error.message);
        return false;
      }
    },

    onSubscribe({ extra: connection, subscriptions }, id, payload) {
      const trace = startTrace('ws', `${connection.requestId}.${(count += 1)}`);
      try {
        const args = begin(connection, id, payload, trace);
        // A `complete` of the client returns what stands here: for a query too, which has no stream of its own.
        subscriptions[id] = endsAtOnce(nothing(), () =>
          connection.running.get(payload)?.abort?.abort(clientGone),
        );
        return args;
      } catch (error) {
        const errors = errorsOf(error);
        const running = connection.running.get(payload);
        if (running) {
          running.trace.outcome = 'INTERNAL_SERVER_ERROR';
          end(connection, payload);
          return errors;
        }
        noteErrors(
          trace,
          errors.map((each) => formatError(each, trace.requestId, () => undefined)),
        );
        recordTrace(trace, metrics, log);
        return errors;
      }
    },

    async execute(args) {
      const running = queries.get(args);
      if (!running?.abort) throw new Error('A query came without its checks.');
      const { abort, leave } = running;
      const answer = (async () => execute(args))();
      // Who completes it may use its id again at once; it counts until its resolvers are done.
      running.leave = () => void answer.then(leave, leave);
      const completed = new Promise<ExecutionResult>((resolve) =>
        abort.signal.addEventListener('abort', () => resolve({}), { once: true }),
      );
      return Promise.race([answer, completed]);
    },

    async subscribe(args) {
      const beginning = beginnings.get(args);
      if (!beginning) throw new Error('A subscription came without its checks.');
      beginnings.delete(args);
      try {
        return await streams.subscribe(beginning.subscription, beginning.outlet);
      } finally {
        beginning.running.abort = undefined;
      }
    },

    onNext({ extra: connection }, _, payload, __, { errors, data, extensions }) {
      if (!errors) return undefined;
      const trace = connection.running.get(payload)?.trace;
      const id = trace?.requestId ?? connection.requestId;
      const formatted = errors.map((error) => formatError(error, id, logFault));
      if (trace) noteErrors(trace, formatted);
      return {
        errors: formatted,
        ...(data === undefined ? {} : { data }),
        ...(extensions === undefined ? {} : { extensions }),
      };
    },

    onError({ extra: connection }, _, payload, errors) {
      const trace = connection.running.get(payload)?.trace;
      const id = trace?.requestId ?? connection.requestId;
      const formatted = errors.map((error) => formatError(error, id, logFault));
      if (trace) noteErrors(trace, formatted);
      return formatted;
    },

    onComplete({ extra: connection }, _, payload) {
      end(connection, payload);
    },

    onClose({ extra: connection }) {
      for (const payload of [...connection.running.keys()]) end(connection, payload);
    },
  };
}

/** The text of a frame is the same for all who share it, up to the id of the operation. */
class OperationOutlet implements Outlet {
  constructor(
    private readonly socket: SocketOutlet,
    private readonly id: string,
    private readonly trace: Trace,
  ) {}

  get ready(): boolean {
    return this.socket.ready;
  }

  onReady(act: () => void): void {
    this.socket.onReady(act);
  }

  write(frame: EncodedFrame): void {
    if (frame.errors) noteErrors(this.trace, frame.errors);
    const head = `{"id":${JSON.stringify(this.id)},"type":"next","payload":`;
    this.socket.write(head, frame.bytes(closed));
  }
}

const closed = (text: string): string => `${text}}`;

async function* nothing(): AsyncGenerator<never, void, undefined> {}
