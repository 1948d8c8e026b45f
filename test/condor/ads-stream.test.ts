import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adBatches, adsOf, type AdFraming } from '../../src/grids/condor/ads-stream.js';
import { all } from './pool.js';
import { propertySeed } from '../property-seed.js';

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/htcondor/${name}`, import.meta.url));

async function cut(output: Buffer, framing: AdFraming, sizes: readonly number[] = []) {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(output.subarray(at, at + size));
    at += size;
  }
  chunks.push(output.subarray(at));
  const batches = await all(
    adBatches(
      (async function* () {
        yield* chunks;
      })(),
      framing,
    ),
  );
  return batches.flat();
}

describe('ads are cut out of output as it arrives', () => {
  const whole = fixture('condor_q.awkward.json');

  test.each([
    ['condor_q.all.json', 'json'],
    ['condor_q.awkward.json', 'json'],
    ['condor_q.no-such-attr.json', 'json'],
    ['condor_q.group-by.json', 'json'],
    ['condor_status.any.json', 'json'],
    ['condor_history.limit20.jsonl', 'jsonl'],
    ['condor_history.attrs.jsonl', 'jsonl'],
  ] as const)('%s, wherever the chunks end', async (name, framing) => {
    const output = fixture(name);
    const expected = adsOf(output, framing);
    expect(expected.length).toBeGreaterThan(0);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: Math.max(4, output.length >> 1) }), { maxLength: 6 }),
        async (sizes) => {
          expect(await cut(output, framing, sizes)).toEqual(expected);
        },
      ),
      { numRuns: 25, seed: propertySeed },
    );
  });

  test('as many as JSON.parse finds', () => {
    const name = 'condor_q.all.json';
    const parsed = JSON.parse(fixture(name).toString('utf8')) as unknown[];
    expect(adsOf(fixture(name), 'json')).toHaveLength(parsed.length);
  });

  test('byte by byte', async () => {
    const bytes = Array.from({ length: whole.length }, () => 1);
    expect(await cut(whole, 'json', bytes)).toEqual(adsOf(whole, 'json'));
  });

  test('each with the chunk that ends it, as a command that writes lines sends them', async () => {
    const lines = whole.toString('latin1').split(/(?<=\n)/);
    let read = '';
    let ads = 0;
    const batches = adBatches(
      (async function* () {
        for (const line of lines) {
          read += line;
          yield Buffer.from(line, 'latin1');
        }
      })(),
      'json',
    );
    for await (const batch of batches) {
      expect(batch).toHaveLength(1);
      expect(read.endsWith('\n}\n')).toBe(true);
      ads += 1;
    }
    expect(ads).toBe(adsOf(whole, 'json').length);
  });

  test('nothing at all, an empty array and a lone bracket are no ads', async () => {
    for (const text of ['', '[\n]\n', '[\n', ']\n', '\n']) {
      expect(await cut(Buffer.from(text), 'json'), JSON.stringify(text)).toEqual([]);
      expect(await cut(Buffer.from(text), 'jsonl'), JSON.stringify(text)).toEqual([]);
    }
  });

  test('ads without attributes count', async () => {
    expect(await cut(Buffer.from('[\n{\n}\n,\n{\n}\n]\n'), 'json')).toHaveLength(2);
  });

  test('bytes that are not UTF-8 fail no list: they read as U+FFFD', async () => {
    const ads = await cut(fixture('condor_q.bad-utf8.json'), 'json');
    const bad = ads.find((ad) => ad.names().some((name) => ad.string(name)?.includes('\ufffd')));
    expect(bad).toBeDefined();
  });

  test('output in which no ad ends is not gathered without bound', async () => {
    let sent = 0;
    const endless = (async function* () {
      for (;;) yield Buffer.alloc(64 * 1024, `junk ${(sent += 1)} `);
    })();
    await expect(all(adBatches(endless, 'json'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(sent).toBeLessThan(300);
  });

  test('an ad that is not JSON is left out and the others stand', async () => {
    const text = '[\n{\n  "A": 1\n}\n,\n{\n  "A": oops\n}\n,\n{\n  "A": 3\n}\n]\n';
    const ads = await cut(Buffer.from(text), 'json');
    expect(ads.map((ad) => ad.number('A'))).toEqual([1, 3]);
    const lines = await cut(Buffer.from('{"A": 1}\n{"A": oops}\n{"A": 3}\n'), 'jsonl');
    expect(lines.map((ad) => ad.number('A'))).toEqual([1, 3]);
  });
});
