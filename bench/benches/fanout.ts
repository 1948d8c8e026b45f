/** One completion to all subscribers of its session, each with a socket of its own, beside bare graphql-ws with the same sockets. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, Finding } from '../bench.js';
import { Child } from '../child.js';
import { sampleOf } from '../measure.js';
import { openSubscribers, type RawSubscribers } from '../raw-subscribers.js';
import type { Blocks, Memory } from '../servers/idle.js';

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
  /** Bytes for each further subscriber. */
  readonly used: number;
  readonly resident: number;
  /** From the end of a task to the first subscriber, alone, and to the last of all. */
  readonly alone: readonly number[];
  readonly delays: readonly number[];
  readonly blocks: Blocks;
  /** Reads of the table while the others came and while all were told. */
  readonly reads: number;
}

export const fanout: Bench = {
  name: 'fanout',
  about: 'a completion to 10,000 subscribers of a session, and what an idle one costs',
  async run({ quick }) {
    const subscribers = quick ? 1_000 : 10_000;
    const rounds = quick ? 10 : 40;
    const ours = await measured(
      Child.start('fanout', { tasks: 2 * rounds + 100, subscribers }),
      subscribers,
      rounds,
    );
    const theirs = await measured(
      Child.startPeer('bare-sockets', 'production'),
      subscribers,
      rounds / 2,
    );
    return findings(subscribers, ours, theirs);
  },
};

async function measured(
  starting: Promise<Child>,
  subscribers: number,
  rounds: number,
): Promise<Run> {
  const server = await starting;
  const open: RawSubscribers[] = [];
  const session = await server.ask<string>('session');
  const follow = async (count: number): Promise<void> => {
    const variables = { session, start: { now: true } };
    open.push(await openSubscribers(new URL(server.url), count, { query, variables }));
  };
  const delays = async (count: number): Promise<readonly number[]> => {
    const taken: number[] = [];
    for (let n = 0; n < count; n += 1) taken.push(await delayOf(server, open));
    return taken;
  };
  try {
    // The first opens the session's log; what it has compiled and cached is no cost of those that follow.
    await follow(1);
    const alone = await delays(rounds);
    const readBefore = await server.ask<number>('reads');
    const before = await server.ask<Memory>('memory');
    await follow(subscribers - 1);
    await delays(3);
    const after = await server.ask<Memory>('memory');
    await server.ask('blocks');
    return {
      used: (after.used - before.used) / (subscribers - 1),
      resident: (after.resident - before.resident) / (subscribers - 1),
      alone,
      delays: await delays(rounds),
      blocks: await server.ask<Blocks>('blocks'),
      reads: (await server.ask<number>('reads')) - readBefore,
    };
  } finally {
    for (const some of open) some.close();
    await server.stop();
  }
}

/** From the end of a task to the last of those who follow. */
async function delayOf(server: Child, open: readonly RawSubscribers[]): Promise<number> {
  const told = Promise.all(open.map((some) => some.expect('"CHANGES"')));
  const ended = await server.ask<number>('end');
  const delayMs = Math.max(...(await told)) - ended;
  await pause(pauseMs);
  return delayMs;
}

function findings(subscribers: number, ours: Run, theirs: Run): readonly Finding[] {
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
      detail: `${sampleOf(ours.alone).median.toFixed(1)} to one; bare graphql-ws ${peer.median.toFixed(0)} (${peer.least.toFixed(0)} to ${peer.largest.toFixed(0)})`,
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
      what: 'longest work of the event loop at a time',
      value: ours.blocks.workedMs,
      unit: 'ms',
      target: { atMost: 50 },
      detail: `it stood still for ${ours.blocks.stoodMs.toFixed(0)} ms, waited for a core for ${ours.blocks.waitedMs.toFixed(0)} ms; bare graphql-ws worked for ${theirs.blocks.workedMs.toFixed(0)} ms`,
    },
    {
      what: 'reads of the table while the others came and all were told',
      value: ours.reads,
      unit: 'reads',
      target: { atMost: 0 },
      detail: `${subscribers - 1} came after the first, then ${ours.delays.length + 3} tasks ended`,
    },
  ];
}
