/** What HTC-Grid's own Python code writes is read right, and what is written here is what that code writes. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Message } from './gateway-stand-in.js';
import { rowsOf } from './gateway-stand-in.js';
import { decodeItem } from '../../src/grids/htc-grid/item.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { decodeText, encodeInput, encodeSubmission } from '../../src/grids/htc-grid/encoding.js';
import { pythonJson } from '../../src/grids/htc-grid/python-json.js';
import { newSessionId, timeOfSessionId } from '../../src/grids/htc-grid/session-id.js';
import { submissionPayload, tasksOfPayload } from '../../src/grids/htc-grid/submission-payload.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import type { Deployment } from './deployed.js';
import { deploy } from './deployed.js';
import { collect, live, plain, scanAll } from './support.js';

const folder = new URL('../fixtures/htc-grid/', import.meta.url);
const read = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(new URL(name, folder), 'utf8')) as T;

interface StoredValue {
  readonly value: string;
}
interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}
type Captured = Parameters<typeof rowsOf>[0] & {
  readonly stats: Record<string, { tstmp: number }>;
};

const session = 'b9c2cc14-e600-11f1-bdea-02fc00000001';
const taskIds = [0, 1, 2].map((index) => `${session}_${String(index)}`);
const inputs = [
  { worker_arguments: ['5000', '1', '1'] },
  { worker_arguments: ['500', '1', '1'] },
  { fail: 'boom' },
];

describe('JSON as Python writes it', () => {
  it.each<[unknown, string]>([
    [{ a: [1, 2.5, { b: null }], c: true }, '{"a": [1, 2.5, {"b": null}], "c": true}'],
    [[], '[]'],
    [{}, '{}'],
    [{ a: {}, b: [[]] }, '{"a": {}, "b": [[]]}'],
    ['a, b: {c}\n  [d],\n', '"a, b: {c}\\n  [d],\\n"'],
    ['é \u{1f600} \u007f', '"\\u00e9 \\ud83d\\ude00 \\u007f"'],
    ['"\\\b\f\t\u0001', '"\\"\\\\\\b\\f\\t\\u0001"'],
    [null, 'null'],
    [3, '3'],
  ])('%j', (value, text) => {
    expect(pythonJson(value)).toBe(text);
    expect(JSON.parse(text)).toEqual(value);
  });
});

describe('the data plane', () => {
  it('holds the bytes that the Python client stored for the same session', async () => {
    const stored = await read<Record<string, StoredValue>>(
      'session-3-tasks/redis-1-submitted.json',
    );
    const captured = await read<Captured>('session-3-tasks/payload-decoded.json');
    for (const [index, input] of inputs.entries())
      expect(encodeInput(input)).toBe(stored[`${taskIds[index] ?? ''}-input`]?.value);
    const [created, sent] = Object.values(captured.stats).map(({ tstmp }) => tstmp);
    const payload = submissionPayload(session, taskIds, 0, created ?? 0) as Captured;
    Object.assign(payload.stats['stage1_grid_api_02_task_submission_tstmp'] ?? {}, {
      tstmp: sent,
    });
    expect(encodeSubmission(payload)).toBe(stored[`${session}-payload`]?.value);
  });

  it('uses the alphabet of each kind of value, padded', () => {
    // "?>" and "??" are where the two alphabets differ.
    const value = { text: '>>>???' };
    expect(encodeInput(value)).toBe(Buffer.from('{"text": ">>>???"}').toString('base64'));
    expect(encodeInput(value)).toMatch(/[+/]/);
    expect(encodeSubmission(value)).not.toMatch(/[+/]/);
    expect(encodeSubmission({ a: 1 })).toBe('eyJhIjogMX0=');
    expect(decodeText(encodeInput(value))).toBe(decodeText(encodeSubmission(value)));
  });
});

describe('a session id', () => {
  it('has the form of those that Python makes: version 1, variant 10, its own time', () => {
    for (const id of [session, '18a45134-e5fd-11f1-8152-02fc00000001', newSessionId()]) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(new Date(timeOfSessionId(id) ?? 0).getUTCFullYear()).toBeGreaterThanOrEqual(2025);
    }
    const ids = Array.from({ length: 1000 }, () => newSessionId());
    expect(new Set(ids).size).toBe(1000);
  });
});

describe('the stand-in of the gateway', () => {
  it('writes the rows and the messages that the real submit wrote for the same payload', async () => {
    const payload = await read<Captured>('session-3-tasks/payload-decoded.json');
    const pending = await read<RawItem[]>('session-3-tasks/items-1-pending.json');
    const written = rowsOf(payload, 0).map((row) =>
      Object.entries(row).map(([key, value]) => [
        key,
        typeof value === 'number' ? { N: String(value) } : { S: value },
      ]),
    );
    for (const [index, item] of pending.entries()) {
      const { submission_timestamp: stamp, ...rest } = item;
      const { submission_timestamp: ours, ...mine } = Object.fromEntries(
        written[index] ?? [],
      ) as RawItem;
      expect(mine).toEqual(rest);
      expect([Object.keys(stamp ?? {}), Object.keys(ours ?? {})]).toEqual([['N'], ['N']]);
      expect(decodeItem(item)).toMatchObject({ taskId: taskIds[index], retries: 0 });
    }
  });
});

describe('over a gateway', () => {
  let deployment: Deployment;
  let grid: HtcGrid;
  beforeAll(async () => {
    deployment = await deploy();
    grid = await deployment.open();
  });
  afterAll(async () => {
    await deployment.stop();
  });

  it('the requests are those of the Python client', async () => {
    const [submit] = await read<Exchange[]>('session-3-tasks/http-exchanges.json');
    const [, cancel] = await read<Exchange[]>('session-cancelled/http-exchanges.json');
    const sent = await grid.submit(plain(inputs), live());
    const ours = sent.session?.nativeId ?? '';
    const native = await deployment.open({ cancel: 'GATEWAY' });
    await native.cancel([ours], false, live());
    const [submitted, cancelled] = deployment.gateway.requests.map(({ line }) => line);
    expect(submitted).toBe(
      `${submit?.method ?? ''} /private${submit?.path.replaceAll(session, ours) ?? ''}`,
    );
    // The same call for one session: base64 of the same text, its padding escaped in the URL.
    const content = new URL(cancel?.path ?? '', 'http://x').searchParams.get('submission_content');
    const asked = JSON.parse(decodeText(content ?? '')) as object;
    expect(Object.keys(asked)).toEqual(['session_ids_to_cancel']);
    expect(pythonJson(asked)).toBe(decodeText(content ?? ''));
    const expected = encodeURIComponent(encodeSubmission({ session_ids_to_cancel: [ours] }));
    expect(cancelled).toBe(`POST /private/v1/cancel?submission_content=${expected}`);
    expect(expected).toContain('%3D');
  });

  it('a message has the fields of a captured one', async () => {
    deployment.gateway.messages.length = 0;
    await grid.submit(plain([1]), live());
    type Queues = Record<string, { readonly messages: readonly { readonly Body: string }[] }>;
    const queues = await read<Queues>('session-3-tasks/sqs-1-pending.json');
    const body = queues['htc_task_queue-main__0']?.messages[0]?.Body ?? '';
    const captured = JSON.parse(body) as { stats: object };
    expect(pythonJson(captured)).toBe(body);
    const [message] = deployment.gateway.messages as [Message];
    const ours = JSON.parse(message.body) as { stats: object };
    expect(Object.keys(ours)).toEqual(Object.keys(captured));
    expect(Object.keys(ours.stats)).toEqual(Object.keys(captured.stats));
  });

  it('a session of the Python client is read, followed and given its results', async () => {
    const items = await read<RawItem[]>('session-3-tasks/items-3-final.json');
    const values = await read<Record<string, StoredValue>>('session-3-tasks/redis-3-final.json');
    const results = await read<{ finished: string[]; finished_OUTPUT: string[] }>(
      'session-3-tasks/get-results.json',
    );
    await deployment.data.put(Object.entries(values).map(([key, { value }]) => [key, value]));
    await deployment.put(items);
    const [source] = await grid.tasks([session], live());
    const rows = await scanAll(source, ['state', 'index', 'failure', 'attempts', 'worker']);
    rows.sort((a, b) => (a.nativeId < b.nativeId ? -1 : 1));
    expect(rows.map(({ nativeId }) => nativeId)).toEqual(results.finished);
    for (const [index, id] of results.finished.entries()) {
      const output = await grid.payload(id, 'output', 65_536, live());
      expect(output?.text).toBe(results.finished_OUTPUT[index]);
      expect((await grid.payload(id, 'input', 65_536, live()))?.json).toEqual(inputs[index]);
    }
    expect(rows[2]).toMatchObject({
      state: 'SUCCEEDED',
      failure: { kind: 'FUNCTION_ERROR', message: 'ValueError: boom' },
    });
    const log = await grid.follow(session, live());
    expect((await collect(log)).map(({ taskId }) => taskId).sort()).toEqual(results.finished);
    expect(tasksOfPayload(decodeText(values[`${session}-payload`]?.value ?? ''))).toBe(3);
  });
});

describe('the errors of a gateway', () => {
  it('were captured with the statuses that are known here', async () => {
    const exchanges = await read<readonly { readonly status: number }[]>('http-errors.json');
    const statuses = z.array(z.object({ status: z.number() })).parse(exchanges);
    expect([...new Set(statuses.map(({ status }) => status))].sort()).toEqual([
      200, 401, 403, 502, 542, 543,
    ]);
  });
});
