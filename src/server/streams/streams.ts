/**
 * The streams of a server. Each subscriber begins with one of its own; once it is current it is joined with
 * those of equal operation and equal authority. Who falls behind them has a stream of its own again.
 */
import type { ExecutionArgs, ExecutionResult } from 'graphql';
import type { Caller } from '../../access/caller.js';
import { covers, type StreamResume } from '../../streams/index.js';
import { formatError, type LogFault } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { MakeContext } from '../operation.js';
import { Expiries } from './expiries.js';
import { Member, type Outlet } from './member.js';
import { Stream, type StreamHost, type StreamOptions, type StreamPlan } from './stream.js';

export interface StreamsOptions {
  readonly makeContext: MakeContext;
  readonly draining: AbortSignal;
  readonly metrics: Metrics;
  readonly logFault: LogFault;
}

export interface Subscription {
  /** Equal for those who are to share their frames. */
  readonly key: string;
  readonly caller: Caller;
  readonly requestId: string;
  /** Aborts when the client leaves before it has a member. */
  readonly signal: AbortSignal;
  readonly args: Omit<ExecutionArgs, 'contextValue'>;
}

export class Streams implements StreamHost {
  /** By key: the stream that others are joined with, and those that don't stand where it does. */
  readonly #shared = new Map<string, { readonly main: Stream; readonly apart: Set<Stream> }>();
  readonly #expiries = new Expiries((members, expiresAt) => this.#expire(members, expiresAt));

  /** One for all members: a closure of its own would keep for each what it came with. */
  readonly #ended = (member: Member): void => this.#expiries.remove(member);

  constructor(private readonly options: StreamsOptions) {}

  /** A member of a stream, or why there is none. Frames go to the outlet from then on. */
  async subscribe(subscription: Subscription, outlet: Outlet): Promise<Member | ExecutionResult> {
    const { signal, caller } = subscription;
    const stream = this.#stream(this.#plan(subscription));
    let leave = (): void => undefined;
    // What is asked may take no notice of it: nobody waits for that.
    const left = new Promise<undefined>((resolve) => {
      leave = () => {
        stream.close();
        resolve(undefined);
      };
    });
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      const refused = await Promise.race([stream.open(), left]);
      if (refused) {
        stream.close();
        return refused;
      }
    } finally {
      signal.removeEventListener('abort', leave);
    }
    const member = new Member(outlet, caller.expiresAt, this.#ended);
    if (stream.closed) {
      member.end();
      return member;
    }
    stream.add(member);
    this.#expiries.add(member);
    void stream.run();
    return member;
  }

  current(stream: Stream): void {
    const { key } = stream.plan;
    const shared = this.#shared.get(key);
    if (shared === undefined) {
      this.#shared.set(key, { main: stream, apart: new Set() });
      return;
    }
    const { main, apart } = shared;
    if (stream === main) {
      for (const other of apart) {
        if (other.cursor === main.cursor && other.live && other.together) other.moveTo(main);
      }
      return;
    }
    apart.add(stream);
    if (!stream.together || !main.live) return;
    if (stream.cursor === main.cursor) return stream.moveTo(main);
    const { cursor } = stream;
    if (cursor === undefined || main.cursor === undefined || !covers(main.cursor, cursor)) return;
    const bridge = this.#stream(stream.plan, {
      resume: { after: cursor, until: main.cursor },
      synced: true,
      onto: main.reserve(),
    });
    stream.moveTo(bridge);
    void bridge.goOn();
  }

  leftBehind(stream: Stream, member: Member): void {
    stream.remove(member);
    const { cursor, synced } = member;
    // Who was joined with others had a frame before.
    if (cursor === undefined) return member.end();
    const alone = this.#stream(stream.plan, { resume: { after: cursor }, synced });
    alone.add(member);
    void alone.goOn();
  }

  over(stream: Stream): void {
    const { key } = stream.plan;
    const shared = this.#shared.get(key);
    shared?.apart.delete(stream);
    if (shared?.main !== stream) return;
    this.#shared.delete(key);
    const [main, ...apart] = shared.apart;
    if (main) this.#shared.set(key, { main, apart: new Set(apart) });
  }

  #expire(members: Iterable<Member>, expiresAt: number): void {
    const endings = new Map<object, Map<string | undefined, Stream>>();
    for (const member of members) {
      const { of, cursor } = member;
      if (!(of instanceof Stream) || of.foreign) {
        member.end();
        continue;
      }
      const places = endings.get(of) ?? new Map<string | undefined, Stream>();
      endings.set(of, places);
      let ending = places.get(cursor);
      if (ending === undefined) {
        const resume = { expiresAt, ...(cursor === undefined ? {} : { after: cursor }) };
        ending = this.#stream(of.plan, { resume, ending: true });
        places.set(cursor, ending);
      }
      of.remove(member);
      ending.add(member);
    }
    for (const places of endings.values()) {
      for (const ending of places.values()) void ending.goOn();
    }
  }

  #stream(plan: StreamPlan, options: StreamOptions = {}): Stream {
    return new Stream(plan, this, options);
  }

  #plan({ key, caller, requestId, args }: Subscription): StreamPlan {
    const { makeContext, draining, logFault } = this.options;
    // When it ends is said to each member by itself.
    const unending = { ...caller, expiresAt: null };
    return {
      key,
      args,
      context: (signal: AbortSignal, resume: StreamResume | undefined) =>
        makeContext({
          caller: unending,
          requestId,
          signal,
          draining,
          ...(resume === undefined ? {} : { resume }),
        }),
      format: (error) => formatError(error, requestId, logFault),
    };
  }
}
