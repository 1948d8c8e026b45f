/** A Redis that is a millisecond away. */
import { Redis } from 'ioredis';
import { findRedis } from '../test/real/redis.js';
import { NotRun } from './bench.js';
import { Child } from './child.js';

export interface FarRedis {
  readonly host: string;
  readonly port: number;
  /** A client as the Python connector uses its own: one command, one answer. */
  readonly client: Redis;
  stop(): Promise<void>;
}

export async function farRedis(): Promise<FarRedis> {
  const redis = findRedis();
  if (typeof redis === 'string') throw new NotRun(redis);
  const server = await redis.start();
  const far = await Child.start('delayed', { to: server.port, delayMs: 1 });
  const host = '127.0.0.1';
  const port = Number(far.url);
  const client = new Redis({ host, port });
  return {
    host,
    port,
    client,
    async stop() {
      client.disconnect();
      await far.stop();
      await server.stop();
    },
  };
}
