/** Positions in an event log hold for a later server, and for another one: what came behind them is read again. */
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RecordCutter } from '../../src/grids/condor/event-log/framing.js';
import { EventFeed, LogEntry, parseRecord } from '../../src/grids/condor/event-log/index.js';
import { alwaysHidden } from '../../src/grids/condor/hidden.js';
import type { JobEventEntry } from '../../src/grids/job-logs.js';
import { JobRings } from '../../src/grids/job-rings.js';
import { decodeCursor, type EntriesFrame, follow } from '../../src/streams/index.js';
import { propertySeed } from '../property-seed.js';

const fixture = (name: string) =>
  readFile(new URL(`../fixtures/htcondor/files/${name}`, import.meta.url));
const header = '{\n  "EventTypeNumber": 8,\n  "Info": "Global JobLog: id=1 sequence=1"\n}\n';
/** A plain event of job `n.0`, or its twin. */
const line = (n: number, twin = false) =>
  `{\n  "EventTypeNumber": ${twin ? '28,\n  "TriggerEventTypeNumber": 1' : 1},\n  "Cluster": ${n},\n` +
  '  "Proc": 0,\n  "ToE": {\n    "x": 1\n  },\n  "EventTime": "2026-11-22T00:00:00Z"\n}\n';
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const lines = (from: number, to: number) =>
  numbers(from, to)
    .map((n) => line(n))
    .join('');

/** In the middle, and not between an event and its twin. */
function betweenEvents(bytes: Buffer): number {
  const records = new RecordCutter().push(bytes);
  const at = records.findIndex(
    ({ end }, i) =>
      end > bytes.length / 2 && parseRecord(records[i + 1]?.text ?? '', 0)?.adInfo === false,
  );
  return records[at]?.end ?? 0;
}

/** A log that has told of job 1, in a folder of its own. */
async function newLog(text: string | Buffer = header + line(1)): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'event-log-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'EventLog');
  await writeFile(path, text);
  return path;
}

async function rotate(path: string, { kept = 100, text = header } = {}): Promise<void> {
  for (let n = kept - 1; n >= 1; n -= 1) {
    await rename(`${path}.${n}`, `${path}.${n + 1}`).catch(() => undefined);
  }
  await rename(path, `${path}.1`);
  await writeFile(path, text);
}

/** A server that follows the log from now on. */
async function server(path: string, { limit = 1_000, isWhole = true } = {}) {
  const rings = new JobRings({ gridName: 'pool', find: async () => [], maxEvents: limit });
  rings.events.isWhole = isWhole;
  const feed = new EventFeed({
    ...{ path, ring: () => rings.events, lookMs: 3_600_000 },
    entries: (record) => {
      const { clusterId, procId } = record;
      return [new LogEntry('pool', { schedd: 's', clusterId, procId }, record, alwaysHidden, 0)];
    },
    onEntries: (entries) => rings.addEvents(entries),
    onGap: () => rings.loseEvents(),
    onTrouble: () => undefined,
  });
  const stop = () => feed.stop();
  onTestFinished(stop);
  await feed.begin();
  return {
    rings,
    feed,
    get ring() {
      return rings.events;
    },
    stop,
    /** One that stays. */
    subscribe() {
      const frames = follow([rings.events], { reopen: async () => rings.events });
      onTestFinished(async () => void (await frames.return()));
      return {
        /** Gaps and jobs up to the first frame that is as wanted, and its cursor. */
        async upTo(is: (frame: EntriesFrame<JobEventEntry>) => boolean) {
          const told: (string | number)[] = [];
          for (;;) {
            const { value: frame } = await frames.next();
            if (!frame) throw new Error('The stream has ended.');
            if (frame.gap !== null) told.push(frame.gap.reason);
            told.push(...frame.entries.map(({ key }) => key.clusterId));
            if (is(frame)) return { told, cursor: frame.cursor };
          }
        },
      };
    },
    /** What a subscriber gets that comes with this cursor, until it is current. */
    async read(cursor?: string) {
      const [position] = cursor === undefined ? [] : decodeCursor(cursor);
      if (position?.mark !== undefined && position.epoch !== rings.events.epoch) {
        await feed.recall(position.mark);
      }
      await feed.drained();
      const kinds: string[] = [];
      const entries: JobEventEntry[] = [];
      const start =
        cursor === undefined ? ({ kind: 'now' } as const) : ({ kind: 'after', cursor } as const);
      for await (const frame of follow([rings.events], { start })) {
        kinds.push(frame.kind);
        entries.push(...frame.entries);
        if (frame.kind === 'SYNCED') {
          const jobs = entries.map(({ key }) => key.clusterId);
          return { entries, jobs, cursor: frame.cursor, isGap: kinds.includes('GAP') };
        }
      }
      throw new Error('The stream has ended.');
    },
  };
}

describe('a new server goes on from the cursor of the one before', () => {
  it('with what was told, what was written in between, and what comes: each once', async () => {
    const path = await newLog();
    const first = await server(path);
    const start = await first.read();
    await appendFile(path, lines(2, 5));
    const told = await first.read(start.cursor);
    expect(told.jobs).toEqual(numbers(2, 5));
    await first.stop();
    await appendFile(path, lines(6, 8));
    const second = await server(path);
    await appendFile(path, lines(9, 10));
    for (const [cursor, from] of [
      [told.cursor, 6],
      // Further back than what has been read again.
      [start.cursor, 2],
      [told.cursor, 6],
    ] as const) {
      expect(await second.read(cursor)).toMatchObject({ jobs: numbers(from, 10), isGap: false });
    }
  });

  it('also where the one before has told nothing, or the log says nothing since', async () => {
    const path = await newLog();
    const first = await server(path);
    const { cursor } = await first.read();
    expect(await (await server(path)).read(cursor)).toMatchObject({ jobs: [], isGap: false });
    await appendFile(path, line(2));
    expect(await (await server(path)).read(cursor)).toMatchObject({ jobs: [2], isGap: false });
  });

  it('over rotations, as far as the old files are there', async () => {
    const path = await newLog();
    const first = await server(path);
    const { cursor } = await first.read();
    await appendFile(path, lines(2, 3));
    await first.stop();
    await rotate(path);
    await appendFile(path, lines(4, 5));
    await rotate(path);
    const second = await server(path);
    await appendFile(path, line(6));
    expect(await second.read(cursor)).toMatchObject({ jobs: numbers(2, 6), isGap: false });
    // And with a cursor of a file that this one has seen renamed.
    const later = await second.read(cursor);
    await rotate(path);
    await appendFile(path, line(7));
    expect(await (await server(path)).read(later.cursor)).toMatchObject({
      jobs: expect.arrayContaining([7]) as unknown,
      isGap: false,
    });
  });

  it('over a rotation to .old', async () => {
    const path = await newLog();
    const { cursor } = await (await server(path)).read();
    await appendFile(path, line(2));
    await rename(path, `${path}.old`);
    await writeFile(path, header + line(3));
    expect(await (await server(path)).read(cursor)).toMatchObject({ jobs: [2, 3], isGap: false });
  });

  it('without what a file tells that is left from other names', async () => {
    const path = await newLog();
    const { cursor } = await (await server(path)).read();
    await writeFile(`${path}.old`, header + line(99));
    await utimes(`${path}.old`, 1_000_000, 1_000_000);
    await rotate(path);
    await appendFile(path, line(2));
    expect(await (await server(path)).read(cursor)).toMatchObject({ jobs: [2], isGap: false });
  });

  it('what a late writer put into the old file is not passed over', async () => {
    const path = await newLog();
    const first = await server(path);
    const { cursor } = await first.read();
    const late = await open(path, 'a');
    await rotate(path);
    await appendFile(path, line(2));
    const told = await first.read(cursor);
    expect(told.jobs).toEqual([2]);
    await first.stop();
    await late.write(line(3));
    await late.close();
    const { jobs, isGap } = await (await server(path)).read(told.cursor);
    expect(isGap).toBe(false);
    expect(jobs).toContain(3);
  });

  it('events and their twins are one event to both', async () => {
    const path = await newLog(header + line(1) + line(1, true));
    const first = await server(path);
    const { cursor } = await first.read();
    // Two writers, one into the other.
    await appendFile(path, line(2) + line(3) + line(3, true) + line(2, true));
    const told = await first.read(cursor);
    expect(told.jobs).toEqual([2, 3]);
    await first.stop();
    await appendFile(path, line(4) + line(4, true));
    const second = await server(path);
    expect(await second.read(told.cursor)).toMatchObject({ jobs: [4], isGap: false });
    expect((await second.read(cursor)).jobs).toEqual([2, 3, 4]);
  });

  it.each([
    'event-log.json',
    'event-log.with-ad-info.json',
    'event-log.json-local.json',
    'event-log.25.json',
    'event-log.xml',
    'event-log.xml-with-ad-info.xml',
    'event-log.legacy.txt',
    'event-log.text-with-ad-info.txt',
  ])('in a real log: %s', async (name) => {
    const bytes = await fixture(name);
    const half = betweenEvents(bytes);
    const path = await newLog(bytes.subarray(0, half));
    const first = await server(path);
    const { cursor } = await first.read();
    await appendFile(path, bytes.subarray(half));
    const live = await first.read(cursor);
    const again = await (await server(path)).read(cursor);
    expect(again.isGap).toBe(false);
    const told = ({ entries }: typeof live) =>
      entries.map(({ type, at, key, owner, detail, record }) => {
        return { type, at, key, owner, detail, record: record.json() };
      });
    expect(told(again)).toEqual(told(live));
    expect(live.jobs.length).toBeGreaterThan(2);
  });

  it('in a real log whose headers were written anew when it was rotated', async () => {
    const [oldest, older, newest] = await Promise.all(
      ['.2', '.1', ''].map((age) => fixture(`rotation/EventLog${age}`)),
    );
    if (!oldest || !older || !newest) throw new Error('The fixtures are three.');
    const begun = oldest.toString().replace('id= sequence=0', 'id=1 sequence=');
    expect(begun).not.toBe(oldest.toString());
    const half = begun.indexOf('\n}\n', begun.length / 2) + 3;
    const path = await newLog(begun.slice(0, half));
    const first = await server(path);
    const { cursor } = await first.read();
    await first.stop();
    await writeFile(`${path}.2`, oldest);
    await writeFile(`${path}.1`, older);
    await writeFile(path, newest);
    const { entries, isGap } = await (await server(path)).read(cursor);
    expect(isGap).toBe(false);
    const rest = oldest.toString().slice(half) + older.toString() + newest.toString();
    const events = rest.match(/"EventTypeNumber": (?!8\b)\d+/g);
    expect(entries).toHaveLength(events?.length ?? 0);
  });
});

describe('what can not be continued is a gap, never a silent loss', () => {
  it('a log that was truncated, and one that was begun anew', async () => {
    const path = await newLog();
    const first = await server(path);
    await appendFile(path, lines(2, 4));
    const { cursor } = await first.read();
    await first.stop();
    await truncate(path);
    await appendFile(path, header + lines(5, 20));
    expect(await (await server(path)).read(cursor)).toMatchObject({ isGap: true });
    await rm(path);
    await writeFile(path, header + lines(21, 40));
    expect(await (await server(path)).read(cursor)).toMatchObject({ isGap: true });
  });

  it('a cursor that is older than the files that are kept', async () => {
    const path = await newLog();
    const first = await server(path);
    const { cursor } = await first.read();
    await first.stop();
    for (let n = 2; n <= 4; n += 1) {
      await rotate(path, { kept: 2, text: header + line(n) });
    }
    const second = await server(path);
    await appendFile(path, line(5));
    expect(await second.read(cursor)).toMatchObject({ isGap: true });
    expect((await second.read(cursor)).jobs).toEqual([5]);
  });

  it('more events than are kept: a gap, then the newest of them', async () => {
    const path = await newLog();
    const first = await server(path);
    const { cursor } = await first.read();
    await first.stop();
    await appendFile(path, lines(2, 12));
    const second = await server(path, { limit: 10 });
    expect(await second.read(cursor)).toMatchObject({ jobs: numbers(3, 12), isGap: true });
    await appendFile(path, line(13));
    expect(await second.read(cursor)).toMatchObject({ jobs: numbers(4, 13), isGap: true });
    // As many as are kept are no gap.
    const third = await server(path, { limit: 12 });
    expect(await third.read(cursor)).toMatchObject({ jobs: numbers(2, 13), isGap: false });
  });

  it('a log that does not tell of all schedds: what others told meanwhile is not in it', async () => {
    const path = await newLog();
    const first = await server(path, { isWhole: false });
    const { cursor } = await first.read();
    expect(decodeCursor(cursor)[0]?.mark).toBeUndefined();
    expect(await (await server(path)).read(cursor)).toMatchObject({ isGap: true });
    const whole = await (await server(path)).read();
    const second = await server(path, { isWhole: false });
    expect(await second.read(whole.cursor)).toMatchObject({ isGap: true });
  });

  it('a log that could not be read for a while: what it told then is not among what was told', async () => {
    const path = await newLog();
    const { ring } = await server(path);
    const entry = (offset?: number) =>
      ({ inOrder: true, ...(offset && { place: { file: 'f', offset } }) }) as JobEventEntry;
    ring.enter('f');
    ring.append([entry(20)]);
    expect(ring.find('f@30')).toBe(ring.end);
    ring.isWhole = false;
    ring.append([entry()]);
    ring.isWhole = true;
    expect([ring.find('f@30'), ring.mark(ring.end)]).toEqual([undefined, undefined]);
    ring.append([entry(50)]);
    expect([ring.find('f@30'), ring.find('f@50')]).toEqual([undefined, ring.end]);
    expect(ring.mark(ring.end)).toBe('f@50');
  });

  it.each(['x'.repeat(12), '../../etc/passwd@1', `${'x'.repeat(12)}@1`, '@', ''])(
    'a cursor that nobody gave: %j',
    async (mark) => {
      const path = await newLog();
      const one = await server(path);
      expect(one.ring.find(mark)).toBeUndefined();
    },
  );
});

describe('who follows is told where events may be missing', () => {
  type Frame = EntriesFrame<JobEventEntry>;
  const has =
    (job: number) =>
    ({ entries }: Frame) =>
      entries.some(({ key }) => key.clusterId === job);
  const isSynced = ({ kind }: Frame) => kind === 'SYNCED';

  /** The folder of the log is another one from one moment to the next, whenever the reader looks. */
  async function newFolder(text: string | Buffer) {
    const root = await mkdtemp(join(tmpdir(), 'event-log-'));
    onTestFinished(() => rm(root, { recursive: true }));
    const inTurn = async (name: string, files: Readonly<Record<string, string | Buffer>>) => {
      await mkdir(join(root, name));
      for (const [file, content] of Object.entries(files)) {
        await writeFile(join(root, name, file), content);
      }
      await symlink(name, join(root, `${name}.link`));
      await rename(join(root, `${name}.link`), join(root, 'log'));
    };
    await inTurn('a', { EventLog: text });
    return { path: join(root, 'log', 'EventLog'), inTurn };
  }

  it('real files that were rotated twice between two looks, into one that is kept', async () => {
    const [oldest, older, newest] = await Promise.all(
      ['.2', '.1', ''].map((age) => fixture(`rotation/EventLog${age}`)),
    );
    if (!oldest || !older || !newest) throw new Error('The fixtures are three.');
    const jobs = (bytes: Buffer) =>
      new RecordCutter().push(bytes).flatMap(({ text }) => {
        const record = parseRecord(text, 0);
        return record === undefined || record.adInfo ? [] : [record.clusterId];
      });
    const half = betweenEvents(oldest);
    const { path, inTurn } = await newFolder(oldest.subarray(0, half));
    const one = await server(path);
    const subscriber = one.subscribe();
    const { cursor } = await subscriber.upTo(isSynced);
    await appendFile(path, oldest.subarray(half));
    await inTurn('b', { 'EventLog.old': older, EventLog: newest });
    await one.feed.drained();
    // The file that was open is told to its end.
    const before = await subscriber.upTo(({ gap }) => gap !== null);
    expect(before.told).toEqual([...jobs(oldest.subarray(half)), 'SOURCE_LOST']);
    const { told } = await subscriber.upTo(isSynced);
    expect(told).toEqual([...jobs(older), ...jobs(newest)]);
    // What it had before leads to a gap too, here and at the next server; what it has now to none.
    const next = await server(path);
    expect(await one.read(cursor)).toMatchObject({ isGap: true });
    expect(await next.read(cursor)).toMatchObject({ isGap: true });
    await appendFile(path, line(9_999));
    await one.feed.drained();
    const after = await subscriber.upTo(has(9_999));
    expect(await one.read(after.cursor)).toMatchObject({ jobs: [], isGap: false });
  });

  it('a log that was truncated', async () => {
    const path = await newLog();
    const one = await server(path);
    const subscriber = one.subscribe();
    await subscriber.upTo(isSynced);
    await appendFile(path, line(2));
    await one.feed.drained();
    const { told, cursor } = await subscriber.upTo(has(2));
    expect(told).toEqual([2]);
    await truncate(path);
    await one.feed.drained();
    expect((await subscriber.upTo(isSynced)).told).toEqual(['SOURCE_LOST']);
    await appendFile(path, header + line(3));
    await one.feed.drained();
    expect((await subscriber.upTo(has(3))).told).toEqual([3]);
    expect(await one.read(cursor)).toMatchObject({ jobs: [3], isGap: true });
  });

  it('a log that was truncated and is longer than before by now', async () => {
    const path = await newLog();
    const one = await server(path);
    const subscriber = one.subscribe();
    await subscriber.upTo(isSynced);
    // In one write: it is at no time shorter.
    const handle = await open(path, 'r+');
    await handle.write(header + lines(5, 9), 0);
    await handle.close();
    await one.feed.drained();
    const { told } = await subscriber.upTo(has(9));
    expect(told).toEqual(['SOURCE_LOST', ...numbers(5, 9)]);
  });

  it('a log that was removed and begun anew: before anything of the new one', async () => {
    const { path, inTurn } = await newFolder(header + line(1));
    const one = await server(path);
    const subscriber = one.subscribe();
    await subscriber.upTo(isSynced);
    await inTurn('b', { EventLog: header + line(7) });
    await one.feed.drained();
    expect((await subscriber.upTo(has(7))).told).toEqual(['SOURCE_LOST', 7]);
  });

  it('a late writer to a file that went is heard, and no position is given in it', async () => {
    const { path, inTurn } = await newFolder(header + line(1));
    const one = await server(path);
    const subscriber = one.subscribe();
    await subscriber.upTo(isSynced);
    const late = await open(path, 'a');
    await inTurn('b', { EventLog: header + line(7) });
    await one.feed.drained();
    await subscriber.upTo(has(7));
    await late.write(line(2));
    await late.close();
    await one.feed.drained();
    const { cursor } = await subscriber.upTo(has(2));
    expect(decodeCursor(cursor)[0]?.mark).toBeUndefined();
  });

  it('who was still behind when events are missing again gets a gap, and no more of the first log', async () => {
    const path = await newLog();
    const one = await server(path);
    const subscriber = one.subscribe();
    await subscriber.upTo(isSynced);
    await appendFile(path, lines(2, 3));
    await one.feed.drained();
    const first = one.ring;
    one.rings.loseEvents();
    one.rings.loseEvents();
    await appendFile(path, line(4));
    await one.feed.drained();
    const { told } = await subscriber.upTo(has(4));
    expect(told).toEqual(['SLOW_CONSUMER', 'SOURCE_LOST', 4]);
    expect(first.end - first.start).toBe(0);
  });
});

describe('two servers over one log', () => {
  it('a cursor of each is good at the other, whoever has read further', async () => {
    const path = await newLog();
    const first = await server(path);
    const { cursor } = await first.read();
    await appendFile(path, lines(2, 3));
    const second = await server(path);
    const ahead = await second.read();
    await appendFile(path, line(4));
    const told = await first.read(cursor);
    expect(told.jobs).toEqual([2, 3, 4]);
    expect(await second.read(told.cursor)).toMatchObject({ jobs: [], isGap: false });
    expect(await first.read(ahead.cursor)).toMatchObject({ jobs: [4], isGap: false });
    await rotate(path);
    await appendFile(path, line(5));
    expect(await second.read(told.cursor)).toMatchObject({ jobs: [5], isGap: false });
    expect(await second.read(cursor)).toMatchObject({ jobs: [2, 3, 4, 5], isGap: false });
  });
});

describe('however bytes, rotations, reads and restarts interleave', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('write' as const), bytes: fc.nat(400) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rotate' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );

  it('a subscriber that keeps its cursor gets each event, in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, twins) => {
        const folder = await mkdtemp(join(tmpdir(), 'event-log-'));
        const path = join(folder, 'EventLog');
        await writeFile(path, header + line(1));
        let one = await server(path);
        let { cursor } = await one.read();
        const got: number[] = [];
        let last = 1;
        let rest = '';
        let rotated = false;
        const read = async () => {
          const told = await one.read(cursor);
          expect(told.isGap).toBe(false);
          got.push(...told.jobs);
          cursor = told.cursor;
        };
        for (const { kind, ...more } of [...steps, { kind: 'restart' } as const]) {
          if (kind === 'write') {
            if (rest === '') {
              last += 1;
              rest = line(last) + (twins ? line(last, true) : '');
            }
            await appendFile(path, rest.slice(0, 'bytes' in more ? more.bytes : 0));
            rest = rest.slice('bytes' in more ? more.bytes : 0);
          } else if (kind === 'rotate') {
            await appendFile(path, rest);
            rest = '';
            rotated = true;
            await rotate(path);
          } else if (kind === 'restart') {
            await one.stop();
            one = await server(path);
          } else {
            await read();
          }
        }
        await appendFile(path, rest);
        await read();
        await one.stop();
        await rm(folder, { recursive: true });
        expect([...new Set(got)]).toEqual(numbers(2, last));
        // Only just behind a rotation an event may come again; with a twin that was not there yet too.
        if (!rotated && !twins) expect(got).toEqual(numbers(2, last));
      }),
      { numRuns: 60, seed: propertySeed },
    );
  });
});
