/**
 * A subscription to what happens to keys of a Redis, on a connection of its own: it is at most once, so the end of the
 * connection is the end of the subscription.
 */
import type { Redis } from 'ioredis';
import { GridError } from '../../../errors.js';
import type { RedisSettings } from '../data-plane-redis.js';
import { redisOptions } from '../data-plane-redis.js';

/** Keys of outputs; the events of other keys are not sent here. */
const suffix = '-output';
const channel = '__keyspace@0__:';
/** How long a key that was written for a test may take to be told of. */
const echoMs = 2000;

export interface RedisEvents {
  /** Rejects with the reason where a written key would not be told of any more. */
  readonly check: () => Promise<void>;
}

export interface EventSink {
  /** The output of this task was written. */
  readonly written: (taskId: string) => void;
  readonly lost: (error: Error) => void;
}

const off = (flags: string): GridError =>
  new GridError(
    'CAPABILITY_MISSING',
    `The Redis of the data plane tells of no keys: notify-keyspace-events is ${JSON.stringify(flags)}, and K$ is needed.`,
  );

/** Ends when `signal` is aborted, also while it is being made. */
export async function subscribe(
  settings: RedisSettings,
  { written, lost }: EventSink,
  signal: AbortSignal,
): Promise<RedisEvents> {
  const { Redis } = await import('ioredis');
  signal.throwIfAborted();
  const options = { ...redisOptions(settings), retryStrategy: () => null };
  // A connection that subscribes takes no other commands.
  const events = new Redis(options);
  const commands = new Redis(options);
  let echo: { readonly key: string; readonly heard: () => void } | undefined;
  let attached = false;
  let over = false;
  const close = () => {
    over = true;
    signal.removeEventListener('abort', close);
    events.disconnect();
    commands.disconnect();
  };
  signal.addEventListener('abort', close, { once: true });
  const gone = new Promise<never>((_resolve, reject) => {
    for (const redis of [events, commands]) {
      // The reason comes with `close`; without a listener it would be printed.
      let reason: Error | undefined;
      redis.on('error', (error: Error) => {
        reason = error;
      });
      redis.on('close', () => {
        if (over) return;
        const error = new GridError('UNAVAILABLE', 'The Redis of the data plane has gone away.', {
          cause: reason,
        });
        close();
        reject(error);
        if (attached) lost(error);
      });
    }
  });
  gone.catch(() => undefined);
  events.on('pmessage', (_pattern: string, heard: string, message: string) => {
    const key = heard.slice(channel.length);
    if (key === echo?.key) echo.heard();
    else if (message === 'set') written(key.slice(0, -suffix.length));
  });

  const check = async () => {
    const [flags] = await Promise.all([configured(commands), attached ? events.ping() : '']);
    if (flags !== undefined) {
      if (!isOn(flags)) throw off(flags);
      return;
    }
    // Who may not ask tries it: no task has such an id.
    const key = `htc-graph.probe.${String(process.pid)}.${String(Date.now())}${suffix}`;
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = new Promise<void>((resolve, reject) => {
        echo = { key, heard: resolve };
        timer = setTimeout(() => {
          reject(off('unknown, CONFIG GET is refused and a written key was not told of'));
        }, echoMs);
      });
      answer.catch(() => undefined);
      await commands.set(key, '', 'PX', echoMs * 2);
      await Promise.race([answer, gone]);
    } finally {
      clearTimeout(timer);
      echo = undefined;
    }
  };

  try {
    await Promise.race([refuseCluster(commands), gone]);
    await Promise.race([events.psubscribe(`${channel}*${suffix}`), gone]);
    await Promise.race([check(), gone]);
  } catch (error) {
    close();
    signal.throwIfAborted();
    throw wordsOf(error);
  }
  attached = true;
  return {
    check: () =>
      check().catch((error: unknown) => {
        throw wordsOf(error);
      }),
  };
}

/** The setting; undefined where this server may not ask for it, as with ElastiCache. */
async function configured(redis: Redis): Promise<string | undefined> {
  try {
    const [, flags] = await redis.config('GET', 'notify-keyspace-events');
    return flags;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

/** Each node of a cluster tells of its own keys alone. */
async function refuseCluster(redis: Redis): Promise<void> {
  const info = await redis.info('cluster').catch((error: unknown) => {
    if (error instanceof Error && error.name === 'ReplyError') return '';
    throw error;
  });
  if (/^cluster_enabled:1/m.test(info))
    throw new GridError(
      'CAPABILITY_MISSING',
      'The Redis of the data plane is a cluster, whose nodes tell of their own keys alone.',
    );
}

/** Events of keys (K), of strings ($) or of all (A). */
const isOn = (flags: string): boolean => flags.includes('K') && /[$A]/.test(flags);

function wordsOf(error: unknown): Error {
  if (error instanceof GridError) return error;
  const { name, message } = error instanceof Error ? error : { name: '', message: '' };
  if (name === 'ReplyError')
    return new GridError(
      'CAPABILITY_MISSING',
      `The Redis of the data plane refuses to tell of keys: ${message}`,
      { cause: error },
    );
  return new GridError('UNAVAILABLE', 'The Redis of the data plane does not answer.', {
    cause: error,
  });
}
