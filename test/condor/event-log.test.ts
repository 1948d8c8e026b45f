/** The event log: every form it may have, and every way its files may change under the reader. */
import { execFileSync } from 'node:child_process';
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RecordCutter } from '../../src/grids/condor/event-log/framing.js';
import {
  EventLogReader,
  LogEntry,
  parseRecord,
  scheddOf,
  Twins,
  type LogRecord,
} from '../../src/grids/condor/event-log/index.js';
import { alwaysHidden, HiddenNames } from '../../src/grids/condor/hidden.js';
import { propertySeed } from '../property-seed.js';

const nowMs = Date.parse('2026-11-23T00:00:00Z');
const fixture = (name: string) =>
  readFile(new URL(`../fixtures/htcondor/files/${name}`, import.meta.url));

const recordsOf = (bytes: Buffer): readonly LogRecord[] =>
  new RecordCutter().push(bytes).flatMap(({ text }) => parseRecord(text, nowMs) ?? []);

/** As a pool follows it: of twins the second. */
function entriesOf(bytes: Buffer, hidden = alwaysHidden): readonly LogEntry[] {
  const twins = new Twins();
  for (const record of recordsOf(bytes)) twins.push(record, nowMs);
  return twins
    .ready(Infinity)
    .map(
      (record) =>
        new LogEntry(
          'pool',
          { schedd: 's', clusterId: record.clusterId, procId: record.procId },
          record,
          hidden,
          nowMs,
        ),
    );
}

const story = (entries: readonly LogEntry[], procId: number) =>
  entries
    .filter(({ key, type }) => key.procId === procId && type !== 'OTHER')
    .map(({ type, state }) => `${type} ${state ?? '-'}`);

const forms = [
  'event-log.json',
  'event-log.with-ad-info.json',
  'event-log.json-local.json',
  'event-log.xml',
  'event-log.xml-with-ad-info.xml',
  'event-log.legacy.txt',
  'event-log.iso-utc.txt',
  'event-log.sub-second.txt',
  'event-log.text-with-ad-info.txt',
  'event-log.iso-local-with-ad-info.txt',
] as const;

describe('every form of the log tells the same story', () => {
  it.each(forms)('%s', async (name) => {
    const entries = entriesOf(await fixture(name));
    const started = ['SUBMITTED QUEUED', 'STARTED RUNNING'];
    expect(story(entries, 0)).toEqual([...started, 'TERMINATED SUCCEEDED']);
    expect(story(entries, 1)).toEqual([...started, 'TERMINATED FAILED']);
    expect(story(entries, 2)).toEqual([...started, 'TERMINATED FAILED']);
    expect(story(entries, 3)).toEqual([...started, 'HELD HELD', 'EDITED -', 'REMOVED CANCELLED']);
    expect(story(entries, 4).slice(0, 7)).toEqual([
      ...started,
      'SUSPENDED SUSPENDED',
      'RESUMED RUNNING',
      'EVICTED QUEUED',
      'HELD HELD',
      'RELEASED QUEUED',
    ]);
    // Evicted comes before what it makes room for.
    expect(story(entries, 4).slice(-1)).toEqual(['REMOVED CANCELLED']);
  });

  it.each(forms)('%s: reasons and codes', async (name) => {
    const entries = entriesOf(await fixture(name));
    const held = entries.filter(({ type }) => type === 'HELD').map(({ detail }) => detail);
    expect(held[0]).toMatchObject({ HoldReason: 'policy: "seven" ü', HoldReasonCode: 3 });
    const [failed, killed] = [1, 2].map(
      (procId) =>
        entries.find(({ type, key }) => type === 'TERMINATED' && key.procId === procId)?.detail,
    );
    expect(failed).toMatchObject({ TerminatedNormally: true, ReturnValue: 3 });
    expect(killed).toMatchObject({ TerminatedNormally: false, TerminatedBySignal: 9 });
    expect(entries.find(({ type }) => type === 'EDITED')?.detail).toMatchObject({
      Attribute: 'JobPrio',
      Value: '3',
    });
    const [removed] = entries.filter(({ type }) => type === 'REMOVED');
    expect(removed?.detail).toMatchObject({ Reason: 'via condor_rm (by user alice)' });
  });

  it.each(forms)('%s: nothing of what the pool hides, by whatever name', async (name) => {
    const hidden = new HiddenNames(['HoldReason', 'RemoveReason', 'ExitCode', 'JobPrio', 'ToE']);
    const entries = entriesOf(await fixture(name), hidden);
    const told = JSON.stringify(entries.map(({ detail, record }) => [detail, record.json()]));
    expect(told).not.toMatch(/policy: |via condor_rm|"ReturnValue"|"ExitCode"/);
    const edited = entries.find(({ type }) => type === 'EDITED')?.detail;
    expect(edited).toMatchObject({ Attribute: 'JobPrio' });
    expect(edited).not.toHaveProperty('Value');
  });

  it.each(forms)('%s: times', async (name) => {
    for (const { at } of entriesOf(await fixture(name))) {
      expect(at).toBeGreaterThan(Date.parse('2026-11-20T00:00:00Z'));
      expect(at).toBeLessThan(nowMs + 86_400_000);
    }
  });

  it('25.14 writes the same', async () => {
    const first = entriesOf(await fixture('event-log.25.json')).filter(
      ({ key }) => key.clusterId === 1,
    );
    expect(story(first, 0)).toEqual(['SUBMITTED QUEUED', 'STARTED RUNNING', 'TERMINATED FAILED']);
    expect(new Set(first.map(({ owner }) => owner))).toEqual(new Set(['alice']));
  });
});

describe('what a record says', () => {
  it('ad information is read in the place of the plain event, with owner and attributes', async () => {
    const bytes = await fixture('event-log.with-ad-info.json');
    const entries = entriesOf(bytes);
    expect(entries).toHaveLength(recordsOf(bytes).length / 2);
    expect(new Set(entries.map(({ owner }) => owner))).toEqual(new Set(['alice']));
    expect(entries[0]?.record.value('JobBatchName')).toBe('evs');
  });

  it('the JobStatus of ad information misleads: the event says which follows', async () => {
    const entries = entriesOf(await fixture('event-log.with-ad-info.json'));
    const ended = entries.find(({ type }) => type === 'TERMINATED');
    expect(ended?.record.value('JobStatus')).toBe(4);
    expect(entries.find(({ type }) => type === 'EVICTED')?.record.value('JobStatus')).toBe(1);
  });

  it("what an event calls by a job attribute's name is not taken for one", async () => {
    const [event] = entriesOf(await fixture('event-log.with-ad-info.json')).filter(
      ({ type }) => type === 'TERMINATED',
    );
    expect(event?.detail).toMatchObject({ Memory: 128 });
    expect(event?.record.value('Memory')).toBeUndefined();
    expect(event?.record.value('RequestMemory')).toBeUndefined();
  });

  it('the schedd comes from GlobalJobId, where the attribute list has it', async () => {
    const [first] = recordsOf(await fixture('event-log.xml-with-ad-info.xml')).filter(
      ({ adInfo }) => adInfo,
    );
    expect(first && scheddOf(first)).toBe('pool.example.test');
    const [plain] = recordsOf(await fixture('event-log.json'));
    expect(plain && scheddOf(plain)).toBeUndefined();
  });

  it('headers of files and events of clusters are no events of jobs', async () => {
    for (const { clusterId, procId } of entriesOf(
      await fixture('event-log.late-materialization.json'),
    ).map(({ key }) => key)) {
      expect(clusterId).toBeGreaterThan(0);
      expect(procId).toBeGreaterThanOrEqual(0);
    }
  });

  it('a time without a year is the latest such day', () => {
    const text = '000 (001.000.000) 12/31 23:59:59 Job submitted from host: <h>\n...';
    expect(new Date(parseRecord(text, nowMs)?.at ?? 0).getFullYear()).toBe(2025);
  });

  it.each(['json', 'xml', 'text'] as const)(
    'a torn record of %s is left out and what follows is read, in whatever form',
    (tornForm) => {
      const torn = {
        json: '{\n  "EventTypeNumber": 5,\n  "Clus',
        xml: '<c>\n    <a n="Proc"><i>0</i></a>\n    <a n="Clu',
        text: '005 (003.000.000) 11/2',
      }[tornForm];
      const whole = {
        json: '{\n  "EventTypeNumber": 1,\n  "ToE": {\n    "Who": "x"\n  },\n  "Cluster": 2,\n  "Proc": 0,\n  "EventTime": "2026-11-22T00:00:00Z"\n}\n',
        xml: '<c>\n    <a n="EventTypeNumber"><i>1</i></a>\n    <a n="Cluster"><i>2</i></a>\n    <a n="Proc"><i>0</i></a>\n    <a n="EventTime"><s>2026-11-22T00:00:00Z</s></a>\n</c>\n',
        text: '001 (002.000.000) 11/22 00:00:00 Job executing on host: <h>\n...\n',
      };
      for (const [form, one] of Object.entries(whole)) {
        for (const between of ['', '\n']) {
          const bytes = Buffer.from(`${torn}${between}${one}${one}`);
          // What is glued to a torn record of another form, or to a torn head of text, goes with it.
          const glued = between === '' && (form !== tornForm || form === 'text');
          const told = Array.from({ length: glued ? 1 : 2 }, () => [1, 2]);
          const numbers = ({ number, clusterId }: LogRecord) => [number, clusterId];
          expect(recordsOf(bytes).map(numbers)).toEqual(told);
          const cutter = new RecordCutter();
          const byByte = [...bytes].flatMap((byte) => cutter.push(Buffer.of(byte)));
          const records = byByte.flatMap(({ text }) => parseRecord(text, nowMs) ?? []);
          expect(records.map(numbers)).toEqual(told);
          expect(byByte.at(-1)?.end).toBe(bytes.length);
        }
      }
    },
  );

  it('hostile bytes are bounded and throw nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 })), (pieces) => {
        const cutter = new RecordCutter();
        for (const piece of pieces) {
          for (const { text } of cutter.push(
            Buffer.from(`{\n${piece}\n}\n<c>\n${piece}\n</c>\n`),
          )) {
            parseRecord(text, nowMs);
          }
        }
      }),
    );
    const cutter = new RecordCutter();
    const long = Buffer.from(`{\n  "a": "${'x'.repeat(300_000)}`);
    for (let i = 0; i < 8; i += 1) expect(cutter.push(long)).toEqual([]);
    expect(cutter.waitingBytes).toBeLessThan(1024 * 1024);
    const deep = `<c>\n${'<a n="x"><c>'.repeat(50_000)}\n</c>`;
    expect(parseRecord(deep, nowMs)).toBeUndefined();
  });
});

describe('twins', () => {
  const record = (number: number, adInfo: boolean, clusterId = 1): LogRecord => ({
    number,
    adInfo,
    clusterId,
    procId: 0,
    at: 1000,
    raw: {},
  });

  it('an event waits shortly for its twin, and goes alone when none comes', () => {
    const twins = new Twins();
    twins.push(record(0, false), 0);
    expect(twins.ready(10)).toEqual([]);
    expect(twins.dueInMs(10)).toBe(40);
    expect(twins.ready(60)).toEqual([record(0, false)]);
    // Late after all: it was told already.
    twins.push(record(0, true), 70);
    expect(twins.ready(200)).toEqual([]);
  });

  it('several writers may write between an event and its twin', () => {
    const twins = new Twins();
    twins.push(record(5, false, 1), 0);
    twins.push(record(5, false, 2), 0);
    twins.push(record(5, true, 2), 0);
    twins.push(record(5, true, 1), 0);
    expect(twins.ready(0)).toEqual([record(5, true, 1), record(5, true, 2)]);
  });

  it('where a log has none nothing waits', () => {
    const twins = new Twins();
    for (let n = 0; n < 20; n += 1) {
      twins.push(record(n, false), 0);
      twins.ready(Infinity);
    }
    twins.push(record(30, false), 0);
    expect(twins.ready(0)).toHaveLength(1);
  });
});

/** A log in a folder of its own, followed by looks that the test asks for. */
async function followed(begin = true) {
  const folder = await mkdtemp(join(tmpdir(), 'event-log-'));
  const path = join(folder, 'EventLog');
  const seen: string[] = [];
  const gaps: string[] = [];
  const troubles: (string | undefined)[] = [];
  const reader = new EventLogReader({
    path,
    lookMs: 20,
    onRecords: (records) => {
      for (const { text } of records) seen.push(...(/"N": (\d+)/.exec(text)?.slice(1) ?? []));
    },
    onGap: (why) => gaps.push(why),
    onTrouble: (trouble) => troubles.push(trouble),
  });
  onTestFinished(async () => {
    await reader.stop();
    await rm(folder, { recursive: true });
  });
  if (begin) {
    await writeFile(path, header);
    await reader.begin();
  }
  return { path, seen, gaps, troubles, reader };
}
/** How often this process has the file open. */
async function descriptorsOf(path: string): Promise<number> {
  const names = await readdir('/proc/self/fd');
  const open = await Promise.all(
    names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')),
  );
  return open.filter((target) => target === path).length;
}
const header = '{\n  "EventTypeNumber": 8\n}\n';
const line = (n: number | string) => `{\n  "N": ${n},\n  "ToE": {\n    "x": 1\n  }\n}\n`;

async function rotate(path: string, kept = 3): Promise<void> {
  for (let n = kept - 1; n >= 1; n -= 1) {
    await rename(`${path}.${n}`, `${path}.${n + 1}`).catch(() => undefined);
  }
  await rename(path, `${path}.1`);
  await writeFile(path, header);
}

describe('the files of the log', () => {
  it('what was there before is not told; a record that is being written is told when it is whole', async () => {
    const { path, seen, reader } = await followed(false);
    await writeFile(path, header + line(1) + line(2).slice(0, 12));
    await reader.begin();
    await reader.drained();
    expect(seen).toEqual([]);
    await appendFile(path, line(2).slice(12) + line(3).slice(0, -1));
    await reader.drained();
    expect(seen).toEqual(['2']);
    await appendFile(path, '\n');
    await reader.drained();
    expect(seen).toEqual(['2', '3']);
  });

  it('a change is noticed without asking', async () => {
    const { path, seen } = await followed();
    await appendFile(path, line(1));
    await vi.waitFor(() => expect(seen).toEqual(['1']), { timeout: 5_000, interval: 5 });
  });

  it('a renamed file is read to its end, then the next; a late writer is heard too', async () => {
    const { path, seen, reader } = await followed();
    const late = await open(path, 'a');
    await appendFile(path, line(1));
    await rotate(path);
    await appendFile(path, line(2));
    await reader.drained();
    await late.write(line(3));
    await late.close();
    await reader.drained();
    expect(seen).toEqual(['1', '2', '3']);
  });

  it('two rotations between two looks lose nothing', async () => {
    const { path, seen, gaps, reader } = await followed();
    for (let n = 1; n <= 3; n += 1) {
      await appendFile(path, line(n));
      if (n < 3) await rotate(path);
    }
    await reader.drained();
    expect(seen).toEqual(['1', '2', '3']);
    expect(gaps).toEqual([]);
  });

  it('a single rotated file is called .old', async () => {
    const { path, seen, reader } = await followed();
    await appendFile(path, line(1));
    await rename(path, `${path}.old`);
    await reader.drained();
    await writeFile(path, header + line(2));
    await reader.drained();
    expect(seen).toEqual(['1', '2']);
  });

  it('files that went before they were read are said, and the rest is told', async () => {
    const { path, seen, gaps, reader } = await followed();
    await writeFile(`${path}.next`, header + line(9));
    await rename(`${path}.next`, path);
    await reader.drained();
    expect(seen).toEqual(['9']);
    expect(gaps).toHaveLength(1);
  });

  it('a truncated file is read from its start, and that is said', async () => {
    const { path, seen, gaps, reader } = await followed();
    await appendFile(path, line(1) + line(2));
    await reader.drained();
    await truncate(path);
    await reader.drained();
    await appendFile(path, line(3));
    await reader.drained();
    expect(seen).toEqual(['1', '2', '3']);
    expect(gaps).toEqual(['the log was truncated']);
  });

  it('a log that is not there yet is followed from its first byte', async () => {
    const { path, seen, troubles, reader } = await followed(false);
    await reader.begin();
    expect(reader.trouble).toBe(`There is no ${path}.`);
    await writeFile(path, header + line(1));
    await reader.drained();
    expect(seen).toEqual(['1']);
    expect(troubles).toEqual([`There is no ${path}.`, undefined]);
  });

  it('a log that is removed is trouble, until there is one again', async () => {
    const { path, seen, gaps, troubles, reader } = await followed();
    await rm(path);
    await vi.waitFor(() => expect(reader.trouble).toBe(`There is no ${path}.`), {
      timeout: 10_000,
    });
    await writeFile(path, header + line(1));
    await reader.drained();
    expect(seen).toEqual(['1']);
    expect(gaps).toEqual(['the log was removed', 'the log could not be read for a while']);
    expect(troubles.at(-1)).toBeUndefined();
  });

  it.each([
    ['a folder', (path: string) => mkdir(path)],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
  ])('%s in its place is trouble, until there is a log again', async (_name, make) => {
    const { path, seen, reader } = await followed(false);
    await make(path);
    await reader.begin();
    expect(reader.trouble).toBe(`${path} is not a file.`);
    await rm(path, { recursive: true });
    await writeFile(path, header + line(1));
    await reader.drained();
    expect(reader.trouble).toBeUndefined();
    expect(seen).toEqual(['1']);
  });

  it('whose file can be opened and not read leaves no file open', async () => {
    const { path, reader, troubles } = await followed(false);
    await writeFile(path, header);
    const handle = await open(path);
    await handle.close();
    const reads = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'read');
    onTestFinished(() => reads.mockRestore());
    reads.mockRejectedValue(new Error('EIO: i/o error, read'));
    await reader.begin();
    expect(troubles).toEqual(['EIO: i/o error, read']);
    expect(await descriptorsOf(path)).toBe(0);
    reads.mockRestore();
    await reader.drained();
    expect(reader.trouble).toBeUndefined();
    expect(await descriptorsOf(path)).toBe(1);
  });
});

describe('however bytes, rotations and looks interleave', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), bytes: fc.nat(90) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('rotate' as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const) }) },
  );

  it('each record is told once, in its order', async () => {
    const { path, seen, gaps, reader } = await followed();
    let next = 1;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const first = next;
        seen.length = 0;
        // Bytes of the record under way that are not written yet: a record never spans two files.
        let rest = '';
        let rotations = 0;
        for (const one of steps) {
          if (one.kind === 'write') {
            if (rest === '') rest = line(next++);
            await appendFile(path, rest.slice(0, one.bytes));
            rest = rest.slice(one.bytes);
          } else if (one.kind === 'rotate' && rotations < 3) {
            await appendFile(path, rest);
            rest = '';
            rotations += 1;
            await rotate(path);
          } else {
            await reader.drained();
            rotations = 0;
          }
        }
        await appendFile(path, rest);
        await reader.drained();
        expect(seen).toEqual(Array.from({ length: next - first }, (_, n) => String(first + n)));
        expect(gaps).toEqual([]);
      }),
      { numRuns: 60, seed: propertySeed },
    );
  });
});
