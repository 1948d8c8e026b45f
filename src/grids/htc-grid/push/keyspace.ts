/**
 * What the Redis of the data plane tells of outputs that were written: a hint, at most once, only of tasks that finish, and
 * a few milliseconds before their rows say so. Each is confirmed by its row; all else is for the poll.
 */
import { asGridError } from '../../../errors.js';
import { pause, type Clock } from '../../../streams/clock.js';
import { systemClock } from '../../../streams/clock.js';
import type { RedisSettings } from '../data-plane-redis.js';
import { sessionOf } from '../status.js';
import type { TableReader } from '../table.js';
import { Confirmation } from './confirmation.js';
import type { Push, PushSink } from './push.js';
import { subscribe } from './redis-events.js';

export interface KeyspaceSettings {
  readonly reader: TableReader;
  readonly redis: RedisSettings;
  /** Hints of other sessions cost no read. */
  readonly follows: (session: string) => boolean;
  /** Pause between two looks whether notifications are still on. @default 30_000 */
  readonly checkMs?: number;
  readonly clock?: Clock;
}

export class Keyspace implements Push {
  readonly kind = 'KEYSPACE';
  readonly what = 'Redis keyspace notifications, confirmed by rows';
  readonly beside = 'HINTS';

  constructor(private readonly settings: KeyspaceSettings) {}

  async attach(sink: PushSink, signal: AbortSignal): Promise<void> {
    const { reader, redis, follows, checkMs = 30_000, clock = systemClock } = this.settings;
    signal.throwIfAborted();
    const end = new AbortController();
    const over = AbortSignal.any([signal, end.signal]);
    const lost = (error: Error) => {
      if (over.aborted) return;
      end.abort(error);
      sink.lost(asGridError(error));
    };
    const confirmation = new Confirmation({ reader, clock, signal: over, changes: sink.changes });
    const written = (taskId: string) => {
      if (follows(sessionOf(taskId))) confirmation.hint(taskId);
    };
    const events = await subscribe(redis, { written, lost }, over);
    const watch = async () => {
      for (;;) {
        await pause(clock, checkMs, over);
        await events.check();
      }
    };
    void watch().catch(lost);
  }
}
