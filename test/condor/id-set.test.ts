import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clusterChunks, idChunks, type JobNumber } from '../../src/grids/condor/id-set.js';

/** The constraint's own words are those of JavaScript, but for lists and `member`. */
function picks(constraint: string): (job: JobNumber) => boolean {
  const body = constraint
    .replaceAll('{', '[')
    .replaceAll('}', ']')
    .replaceAll(/member\((\w+),(\[[^()]*\])\)/g, '$2.includes($1)');
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- made of numbers and operators by the code under test
  const pick = new Function('ClusterId', 'ProcId', `return ${body}`) as (
    cluster: number,
    proc: number,
  ) => boolean;
  return ({ clusterId, procId }) => pick(clusterId, procId);
}

const job = fc.record({ clusterId: fc.integer({ min: 1, max: 3 }), procId: fc.nat({ max: 60 }) });
const text = ({ clusterId, procId }: JobNumber): string => `${clusterId}.${procId}`;

describe('a constraint for many ids', () => {
  test('picks exactly those', () => {
    fc.assert(
      fc.property(fc.array(job, { minLength: 1, maxLength: 100 }), (keys) => {
        const tests = idChunks(keys).map(({ constraint }) => picks(constraint));
        const wanted = new Set(keys.map(text));
        for (let clusterId = 1; clusterId <= 3; clusterId += 1) {
          for (let procId = 0; procId <= 60; procId += 1) {
            const one = { clusterId, procId };
            expect(
              tests.some((pick) => pick(one)),
              text(one),
            ).toBe(wanted.has(text(one)));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ['one cluster', (i: number) => ({ clusterId: 4711, procId: i * 7 })],
    ['procs with seven digits', (i: number) => ({ clusterId: 4711, procId: 1_000_000 + i * 7 })],
    ['a cluster each', (i: number) => ({ clusterId: 1_000_000 + i * 3, procId: 0 })],
    ['all over', (i: number) => ({ clusterId: 1_000_000 + i * 3, procId: (i * 7919) % 5000 })],
  ])('1,000 ids, %s: few commands, each under 8 KiB', (_name, keyOf) => {
    const chunks = idChunks(Array.from({ length: 1000 }, (_, i) => keyOf(i)));
    expect(chunks.length).toBeLessThanOrEqual(6);
    expect(Math.max(...chunks.map(({ constraint }) => constraint.length))).toBeLessThanOrEqual(
      8192,
    );
    expect(chunks.flatMap(({ keys }) => keys)).toHaveLength(1000);
  });

  test('a run of ids is a range', () => {
    const [chunk] = idChunks(
      Array.from({ length: 5000 }, (_, procId) => ({ clusterId: 9, procId })),
    );
    expect(chunk?.constraint).toBe('ClusterId==9&&(ProcId>=0&&ProcId<=4999)');
  });

  test('clusters are named once, however often they are asked for', () => {
    expect(clusterChunks([5, 3, 5]).map(({ clusters }) => clusters)).toEqual([[3, 5]]);
  });
});
