/** One completion to all subscribers of its session, each with a socket of its own, beside bare graphql-ws with the same sockets. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, Finding } from '../bench.js';
import { Child } from '../child.js';
import { sampleOf } from '../measure.js';
import { openSubscribers, type RawSubscribers } from '../raw-subscribers.js';
import type { Memory } from '../servers/idle.js';

const query = /* GraphQL */ `
  subscription Follow($session: ID!, $start: StreamStart) {
    taskCompleted(sessions: [$session], start: $start) {
      kind
      cursor
      tasks {
        id
        state
      }
    }
  }
`;
/** Between two completions: each finds the stream quiet. */
const pauseMs = 100;

interface Run {
  /** Bytes for each subscriber. */
  readonly used: number;
  readonly resident: number;
  /** From the end of a task to the last subscriber. */
  readonly delays: readonly number[];
  readonly longestBlockMs: number;
}

export const fanout: Bench = {
  name: 'fanout',
  about: 'a completion to 10,000 subscribers of a session, and what an idle one costs',
  async run({ quick }) {
    const subscribers = quick ? 1_000 : 10_000;
    const rounds = quick ? 10 : 40;
    const server = await Child.start('fanout', { tasks: 2 * rounds + 100, subscribers });
    try {
      const alone = await measured(server, 1, rounds);
      const readsOfOne = await server.ask<number>('reads');
      const ours = await measured(server, subscribers, rounds);
      const reads = (await server.ask<number>('reads')) - readsOfOne;
      const theirs = await bare(subscribers, 3);
      return findings(subscribers, { alone, ours, theirs, reads });
    } finally {
      await server.stop();
    }
  },
};

async function bare(subscribers: number, rounds: number): Promise<Run> {
  const peer = await Child.startPeer('bare-sockets', 'production');
  try {
    return await measured(peer, subscribers, rounds);
  } finally {
    await peer.stop();
  }
}

async function measured(server: Child, subscribers: number, rounds: number): Promise<Run> {
  const session = await server.ask<string>('session');
  const before = await server.ask<Memory>('memory');
  const open = await openSubscribers(new URL(server.url), subscribers, {
    query,
    variables: { session, start: { now: true } },
  });
  try {
    // What is compiled and cached once for all is no cost of a subscriber.
    for (let n = 0; n < 3; n += 1) await delayOf(server, open);
    const after = await server.ask<Memory>('memory');
    await server.ask('longestBlock');
    const delays: number[] = [];
    for (let n = 0; n < rounds; n += 1) delays.push(await delayOf(server, open));
    return {
      used: (after.used - before.used) / subscribers,
      resident: (after.resident - before.resident) / subscribers,
      delays,
      longestBlockMs: await server.ask<number>('longestBlock'),
    };
  } finally {
    open.close();
  }
}

async function delayOf(server: Child, open: RawSubscribers): Promise<number> {
  const last = open.expect('"CHANGES"');
  const ended = await server.ask<number>('end');
  const delayMs = (await last) - ended;
  await pause(pauseMs);
  return delayMs;
}

interface Found {
  readonly alone: Run;
  readonly ours: Run;
  readonly theirs: Run;
  readonly reads: number;
}

function findings(subscribers: number, { alone, ours, theirs, reads }: Found): readonly Finding[] {
  const { median, least, largest, values } = sampleOf(ours.delays);
  const sorted = values.toSorted((a, b) => a - b);
  const peer = sampleOf(theirs.delays);
  return [
    {
      what: `from the end of a task to the last of ${subscribers} subscribers, median`,
      value: median,
      unit: 'ms',
      spread: [least, largest],
      target: { atMost: 300 },
      detail: `${sampleOf(alone.delays).median.toFixed(1)} to one; bare graphql-ws ${peer.median.toFixed(0)} (${peer.least.toFixed(0)} to ${peer.largest.toFixed(0)})`,
    },
    {
      what: '… p99',
      value: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? NaN,
      unit: 'ms',
      target: { atMost: 600 },
    },
    {
      what: 'memory of an idle subscriber, its socket included',
      value: ours.used / 1024,
      unit: 'KB',
      target: { atMost: 20 },
      detail: `resident ${(ours.resident / 1024).toFixed(1)} KB; bare graphql-ws ${(theirs.used / 1024).toFixed(1)} KB, resident ${(theirs.resident / 1024).toFixed(1)} KB`,
    },
    {
      what: '… beyond one of bare graphql-ws',
      value: (ours.used - theirs.used) / 1024,
      unit: 'KB',
      target: { atMost: 4 },
    },
    {
      what: 'longest block of the event loop',
      value: ours.longestBlockMs,
      unit: 'ms',
      target: { atMost: 50 },
      detail: `bare graphql-ws ${theirs.longestBlockMs.toFixed(0)} ms`,
    },
    {
      what: 'reads of the table by each further subscriber',
      value: reads / (subscribers - 1),
      unit: 'reads',
      target: { atMost: 0.01 },
      detail: `${reads} more for all of them and ${ours.delays.length} ends than for one`,
    },
  ];
}
