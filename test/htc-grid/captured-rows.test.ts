/** Rows, statuses and values captured from a running HTC-Grid are read for what they are. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { functionErrorOf, payloadOf } from '../../src/grids/htc-grid/encoding.js';
import { headOf } from '../../src/grids/htc-grid/data-plane.js';
import { fieldNames, taskFields } from '../../src/grids/htc-grid/fields.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { decodeItem } from '../../src/grids/htc-grid/item.js';
import { taskRow } from '../../src/grids/htc-grid/row.js';
import {
  checkSessionId,
  indexOf,
  parseStatus,
  sessionOf,
  statusOf,
} from '../../src/grids/htc-grid/status.js';
import { newSessionId, timeOfSessionId } from '../../src/grids/htc-grid/session-id.js';
import { submissionPayload, tasksOfPayload } from '../../src/grids/htc-grid/submission-payload.js';

const fixture = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(new URL(`../fixtures/htc-grid/${name}`, import.meta.url), 'utf8')) as T;

function rowOf(raw: RawItem, output?: string) {
  const item = decodeItem(raw);
  if (item === undefined) throw new Error('not a row');
  return taskRow(item, new Set(fieldNames), {
    grid: 'g',
    beside: () => ({
      owner: 'ada',
      startedAt: undefined,
      endedAt: undefined,
      functionError: output === undefined ? null : functionErrorOf(output),
    }),
  });
}

describe('captured rows', () => {
  it('of a session with a function that raised', async () => {
    const pending = await fixture<RawItem[]>('session-3-tasks/items-1-pending.json');
    const running = await fixture<RawItem[]>('session-3-tasks/items-2-processing.json');
    const final = await fixture<RawItem[]>('session-3-tasks/items-3-final.json');
    const { finished_OUTPUT: outputs } = await fixture<{ finished_OUTPUT: string[] }>(
      'session-3-tasks/get-results.json',
    );
    expect(pending.map((raw) => rowOf(raw))).toMatchObject(
      [0, 1, 2].map((index) => ({
        nativeId: `b9c2cc14-e600-11f1-bdea-02fc00000001_${String(index)}`,
        sessionId: 'b9c2cc14-e600-11f1-bdea-02fc00000001',
        idKey: ['g', 'b9c2cc14-e600-11f1-bdea-02fc00000001', index],
        state: 'QUEUED',
        nativeState: 'pending',
        terminal: false,
        attempts: 0,
        worker: null,
        heartbeatExpiresAt: null,
        endedAt: null,
        index,
        priority: 0,
        failure: null,
      })),
    );
    expect(running.map((raw) => rowOf(raw))[0]).toMatchObject({
      state: 'RUNNING',
      attempts: 1,
      worker: 'htc-agent-1',
      submittedAt: 1795302621626,
      heartbeatExpiresAt: 1795302632000,
      endedAt: null,
      startedAt: null,
      runMs: null,
    });
    const ended = final.map((raw, index) => rowOf(raw, outputs[index]));
    expect(ended.map(({ state, endedAt, worker }) => ({ state, endedAt, worker }))).toEqual([
      { state: 'SUCCEEDED', endedAt: 1795302629408, worker: 'htc-agent-1' },
      { state: 'SUCCEEDED', endedAt: 1795302625254, worker: 'htc-agent-2' },
      { state: 'SUCCEEDED', endedAt: 1795302625295, worker: 'htc-agent-2' },
    ]);
    expect(ended.map(({ failure }) => failure)).toEqual([
      null,
      null,
      expect.objectContaining({ kind: 'FUNCTION_ERROR', message: 'ValueError: boom' }),
    ]);
    const revisions = [pending, running, final].map((rows) =>
      rows.map((raw) => rowOf(raw).revision),
    );
    expect(new Set(revisions.map(([first]) => first)).size).toBe(3);
  });

  it('of a cancelled session: attempts tell those that ran from those that waited', async () => {
    const steps = await fixture<Record<string, RawItem[]>>('session-cancelled/items.json');
    const rows = (steps['3-ten-seconds-later'] ?? []).map((raw) => rowOf(raw));
    expect(rows.map(({ state, attempts, endedAt }) => ({ state, attempts, endedAt }))).toEqual(
      [1, 0, 0, 0].map((attempts) => ({ state: 'CANCELLED', attempts, endedAt: null })),
    );
    expect(rows[0]?.failure).toMatchObject({ kind: 'CANCELLED' });
  });

  it('of a task that was cancelled after it had finished tell both', async () => {
    const [finished] = await fixture<RawItem[]>('session-3-tasks/items-3-final.json');
    // What the grid's own cancel does to it: owner and status, nothing else.
    const row = rowOf({
      ...finished,
      task_owner: { S: 'None' },
      task_status: { S: 'cancelled22' },
    });
    expect(row).toMatchObject({
      state: 'CANCELLED',
      endedAt: 1795302629408,
      worker: null,
      failure: {
        kind: 'CANCELLED',
        message: 'It was cancelled after it had finished; its output is as the function left it.',
      },
    });
  });

  it('of a task that was retried until it failed', async () => {
    const { steps } = await fixture<{ steps: { item: RawItem }[] }>('retries-until-failed.json');
    const rows = steps.map(({ item }) => rowOf(item));
    expect(rows.map(({ attempts, state }) => [attempts, state])).toEqual([
      [1, 'QUEUED'],
      [2, 'QUEUED'],
      [3, 'QUEUED'],
      [4, 'QUEUED'],
      [5, 'QUEUED'],
      [6, 'FAILED'],
    ]);
    expect(rows.at(-1)?.failure).toMatchObject({ kind: 'RETRIES_EXHAUSTED' });
    expect(new Set(rows.map(({ revision }) => revision)).size).toBe(6);
  });

  it('of an index, and of a row that a cancel made of nothing', async () => {
    const { Items } = await fixture<{ Items: RawItem[] }>(
      'session-3-tasks/gsi-session-index-query.json',
    );
    expect(Items.map((raw) => decodeItem(raw)?.status)).toEqual(Array(3).fill('finished22'));
    const stub = { task_id: { S: 's-1_4' }, task_status: { S: 'cancelled3' } };
    expect(rowOf(stub)).toMatchObject({ sessionId: 's-1', state: 'CANCELLED', submittedAt: null });
    expect(decodeItem({ session_id: { S: 's' } })).toBeUndefined();
  });
});

describe('statuses and ids', () => {
  it('have the partition that the real code computes', async () => {
    const partitions = await fixture<{ session_id: string; pending: string }[]>('partitions.json');
    for (const { session_id: session, pending } of partitions)
      expect(statusOf('pending', session)).toBe(pending);
    expect(partitions.length).toBeGreaterThan(5);
  });

  it('are read by their name, whatever the partition looks like', () => {
    expect(parseStatus('processing31')).toMatchObject({ native: 'processing', state: 'RUNNING' });
    expect(parseStatus('finished')).toMatchObject({ native: 'finished', state: 'SUCCEEDED' });
    expect(parseStatus('failed-7')).toMatchObject({ native: 'failed', state: 'FAILED' });
    expect(parseStatus('retrying4')).toMatchObject({ native: 'retrying', state: 'QUEUED' });
    expect(parseStatus('inconsistent')).toMatchObject({ known: undefined, state: 'UNKNOWN' });
  });

  it('refuse session ids with which no task could be claimed', () => {
    expect(() => {
      checkSessionId('my_session');
    }).toThrow(/never "_"/);
    expect(sessionOf('a-b_12')).toBe('a-b');
    expect(indexOf('a-b_12')).toBe(12);
    expect(indexOf('a-b_x')).toBeNull();
  });

  it('are new, in order, and tell when they were made', () => {
    const now = Date.UTC(2026, 10, 22);
    const ids = Array.from({ length: 1000 }, () => newSessionId(now));
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) checkSessionId(id);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(timeOfSessionId(ids[0] ?? '')).toBe(now);
    expect(timeOfSessionId('18a45134-e5fd-11f1-8152-02fc00000001')).toBe(1795301062810);
  });
});

describe('captured values', () => {
  it('of inputs, outputs and the submission decode', async () => {
    const values = await fixture<Record<string, { value: string }>>(
      'session-3-tasks/redis-3-final.json',
    );
    const id = 'b9c2cc14-e600-11f1-bdea-02fc00000001';
    const read = (key: string) => payloadOf(headOf(values[key]?.value ?? '', 100_000), 65536);
    expect(read(`${id}_0-input`).json).toEqual({ worker_arguments: ['5000', '1', '1'] });
    expect(read(`${id}_0-output`)).toMatchObject({ json: 5000, text: '5000', bytes: 4 });
    const submission = read(`${id}-payload`);
    expect(tasksOfPayload(submission.text ?? '')).toBe(3);
    const { tasks_list: list, stats } = submission.json as {
      tasks_list: { tasks: string[] };
      stats: object;
    };
    const ours = submissionPayload(id, list.tasks, 0, 0) as { stats: object };
    expect(Object.keys(ours)).toEqual(Object.keys(submission.json as object));
    expect(Object.keys(ours.stats)).toEqual(Object.keys(stats));
  });

  it('longer than asked for are cut between characters, and say how long they are', () => {
    const text = JSON.stringify('ä€😀'.repeat(10));
    const stored = Buffer.from(text).toString('base64');
    for (let maxBytes = 0; maxBytes <= 24; maxBytes++) {
      const cut = payloadOf(headOf(stored, Math.ceil((maxBytes + 3) / 3) * 4), maxBytes);
      expect(cut).toMatchObject({ json: null, truncated: true, bytes: Buffer.byteLength(text) });
      expect(text.startsWith(cut.text ?? '-')).toBe(true);
      expect(Buffer.byteLength(cut.text ?? '')).toBeLessThanOrEqual(maxBytes);
    }
    expect(payloadOf(headOf(stored, 1000), 1000)).toMatchObject({ text, truncated: false });
  });

  it('that were cut within the stack trace are errors still', () => {
    const stackTrace = Array.from({ length: 1000 }, (_, n) => `File "a.py", line ${n}, in deep`);
    const error = { errorMessage: 'maximum "depth" \\', errorType: 'RecursionError', stackTrace };
    for (const text of [JSON.stringify(error), JSON.stringify(error, null, 1)]) {
      expect(functionErrorOf(text.slice(0, 500))).toEqual({
        message: error.errorMessage,
        type: error.errorType,
      });
    }
    expect(functionErrorOf('{"errorMessage":"a","other":"' + 'x'.repeat(500))).toBeNull();
  });

  it('that only look like errors are none', () => {
    expect(functionErrorOf('{"errorMessage":"a","errorType":"E"}')).toEqual({
      message: 'a',
      type: 'E',
    });
    for (const text of [
      '5',
      '"errorMessage"',
      '[{"errorMessage":"a"}]',
      '{"errorMessage":"a"}',
      '',
    ])
      expect(functionErrorOf(text)).toBeNull();
  });
});

describe('the table of fields', () => {
  it('describes every field, and says when it is null', () => {
    for (const name of fieldNames) {
      expect(taskFields[name].description).toMatch(/^[A-Z].*[.).]$/);
      expect(`${taskFields[name].whenNull ?? 'where'} `).toMatch(/^(where|while|before) /);
    }
  });
});
