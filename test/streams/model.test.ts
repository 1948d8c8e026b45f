/**
 * The promise of docs/streams.md against whatever can happen: always the same runs, so that no change fails over
 * another's find. STREAMS_RUNS=20000 makes more of them, STREAMS_SEED=$RANDOM others; both are printed with each test,
 * and a failure prints what its run can be made again with.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { describeReal, type RedisServer } from '../real/index.js';
import {
  amongReplicas,
  inADeployedGrid,
  inAnEmbeddedGrid,
  whoseRedisForgets,
} from './model/commands.js';
import { ModelRedis } from './model/redis.js';
import { DeployedWorld, EmbeddedWorld, ReplicatedWorld } from './model/world.js';
import type { World } from './model/world.js';

const seed = Number(process.env['STREAMS_SEED'] ?? 20_261_122);
const runs = (byDefault: number) => Number(process.env['STREAMS_RUNS'] || byDefault);
const [embedded, deployed] = [runs(1300), runs(720)];
const patience = 600_000;

/** One run: what happens, then quiet, then that everybody knows what the table has. */
async function lived<W extends World>(
  open: () => W,
  commands: Iterable<fc.AsyncCommand<object, W>>,
): Promise<void> {
  const world = open();
  try {
    world.begin();
    await fc.asyncModelRun(() => ({ model: {}, real: world }), commands);
    await world.settle();
  } finally {
    await world.stop();
  }
}

describe('every client that keeps its cursor learns of every end, in order, and of COMPLETE when all is over', () => {
  it(`on an embedded grid: ${embedded} runs of seed ${seed}`, { timeout: patience }, async () => {
    await fc.assert(
      fc.asyncProperty(inAnEmbeddedGrid, (commands) => lived(() => new EmbeddedWorld(), commands)),
      { numRuns: embedded, seed },
    );
  });

  it(
    `on a deployed grid with two servers: ${deployed} runs of seed ${seed}`,
    { timeout: patience },
    async () => {
      await fc.assert(
        fc.asyncProperty(inADeployedGrid, (commands) => lived(() => new DeployedWorld(), commands)),
        { numRuns: deployed, seed },
      );
    },
  );
});

describeReal(
  'redis',
  'and so does every client of two or three servers that share their logs',
  (real) => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await real.start();
    });
    afterAll(() => server.stop());

    it.each([
      ['at the position it had, whichever of them dies or is cut off', runs(30), amongReplicas],
      ['whatever their Redis loses', runs(15), whoseRedisForgets],
    ])(
      `%s: %d runs of seed ${seed}`,
      { timeout: patience },
      async (_promise, numRuns, happenings) => {
        await fc.assert(
          fc.asyncProperty(fc.constantFrom(2, 3), happenings, async (servers, commands) => {
            const redis = await ModelRedis.open(server);
            try {
              await lived(() => new ReplicatedWorld(redis, servers), commands);
            } finally {
              redis.stop();
            }
          }),
          { numRuns, seed },
        );
      },
    );
  },
);
