/** What was opened is ended, the last first, whatever fails on the way. */
import { expect, it } from 'vitest';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { Closing } from '../../src/grids/htc-grid/closing.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import { live } from './support.js';

it('all parts are ended, the last first, and the first failure is told', async () => {
  const closing = new Closing();
  const ended: string[] = [];
  closing.add(() => ended.push('a'));
  closing.add(async () => {
    ended.push('b');
    throw new Error('of b');
  });
  closing.add(() => {
    ended.push('c');
    throw new Error('of c');
  });
  await expect(closing.stop()).rejects.toThrow('of c');
  expect(ended).toEqual(['c', 'b', 'a']);
  await closing.stop();
});

class Stuck extends MemoryDataPlane {
  override async stop(): Promise<void> {
    throw new Error('The data plane does not stop.');
  }
}

it('a grid whose data plane does not stop lets go of its table all the same', async () => {
  const grid = await openEmbedded({ name: 'g', data: new Stuck() });
  await grid.findTasks(['s_0'], live());
  await expect(grid.stop()).rejects.toThrow('does not stop');
  await expect(grid.findTasks(['s_0'], live())).rejects.toThrow();
});
