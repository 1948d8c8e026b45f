/** Session logs over a synthetic source behind the source port, and subscribers that take batches: what each got, and the memory. */
import { setTimeout as pause } from 'node:timers/promises';
import type { CompletionSource, Follower } from '../../src/grids/htc-grid/completion-source.js';
import { Everything } from '../../src/grids/htc-grid/everything.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { SessionLogs } from '../../src/grids/htc-grid/session-logs.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import type { Completion } from '../../src/grids/tasks.js';
import { systemClock } from '../../src/streams/clock.js';
import { follow, resolveDelivery } from '../../src/streams/index.js';
import { MemoryTable } from '../../test/htc-grid/memory-table.js';
import type { Start } from '../child.js';

export interface FloodSettings {
  readonly subscribers: number;
  readonly aSecond: number;
  readonly seconds: number;
  /** Tasks of one session, a part of all; when they have ended the next one follows. */
  readonly tasks: number;
}

export interface Flood {
  readonly told: number;
  /** Of all subscribers together: what they should have got, and what they got. */
  readonly due: number;
  readonly got: number;
  readonly lateMs: number;
  /** Bytes in use after a collection, once a second, and how far into the flood that was. */
  readonly used: readonly (readonly [second: number, bytes: number])[];
}

/** Tells what it is told to. */
class Synthetic implements CompletionSource {
  readonly followers = new Map<string, Follower>();
  async watch(session: string, follower: Follower, signal: AbortSignal): Promise<void> {
    this.followers.set(session, follower);
    signal.addEventListener('abort', () => this.followers.delete(session), { once: true });
  }
}

const tickMs = 10;

export const start: Start<FloodSettings> = async (settings) => ({
  url: '',
  answers: { flood: () => flood(settings) },
  stop: async () => undefined,
});

async function flood({ subscribers, aSecond, seconds, tasks }: FloodSettings): Promise<Flood> {
  const source = new Synthetic();
  const logs = new SessionLogs({
    grid: 'g',
    reader: new TableReader(new MemoryTable(systemClock)),
    source,
    everything: new Everything({ grid: 'g', hasSource: () => false }),
    expected: async () => tasks,
    maxLogs: 2,
  });
  const delivery = resolveDelivery({ maxBatch: 1000, maxWaitMs: 50 });
  let got = 0;
  let lateMs = 0;
  const subscribe = async (session: string) => {
    const leave = new AbortController();
    const log = await logs.follow(session, leave.signal);
    const seen = new Uint8Array(tasks);
    for await (const { entries, lagMs } of follow<Completion>([log], {
      start: { kind: 'snapshot' },
      delivery,
      seenAt: ({ seenAt }) => seenAt,
    })) {
      for (const { taskId } of entries) {
        const index = Number(taskId.slice(taskId.indexOf('_') + 1));
        // Each is counted once, so that a repeat can't make up for a loss.
        if (seen[index] === 0) got++;
        seen[index] = 1;
      }
      lateMs = Math.max(lateMs, lagMs ?? 0);
    }
    leave.abort();
  };
  const used: (readonly [second: number, bytes: number])[] = [];
  const streams: Promise<unknown>[] = [];
  let told = 0;
  let session = '';
  let sessions = 0;
  const startedAt = performance.now();
  while (told < aSecond * seconds) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * aSecond);
    while (told < Math.min(due, aSecond * seconds)) {
      const index = told % tasks;
      if (index === 0) {
        session = newSessionId();
        sessions++;
        for (let n = 0; n < subscribers; n++) streams.push(subscribe(session));
        while (!source.followers.has(session)) await pause(1);
      }
      const count = Math.min(tasks - index, due - told, aSecond * seconds - told);
      const now = Date.now();
      source.followers.get(session)?.changes(
        Array.from({ length: count }, (_, n) => ({
          taskId: taskIdOf(session, index + n),
          sessionId: session,
          state: 'finished' as const,
          retries: 0,
          submittedAt: startedAtMs,
          completedAt: now,
        })),
      );
      told += count;
    }
    const second = Math.floor((performance.now() - startedAt) / 1000);
    if (second > (used.at(-1)?.[0] ?? 0)) {
      globalThis.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      used.push([second, heapUsed + external]);
    }
    await pause(tickMs);
  }
  await Promise.all(streams);
  await logs.stop();
  return { told, due: sessions * tasks * subscribers, got, lateMs, used };
}

const startedAtMs = Date.now();
