/** The session registry: what it remembers, and what it makes of a damaged file. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryRegistry } from '../../src/grids/htc-grid/registry.js';
import { FileRegistry } from '../../src/grids/htc-grid/registry-file.js';
import { entry, keyed, registryContract } from './registry-contract.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-graph-registry-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});
let files = 0;
const newPath = (): string => join(folder, `r${String(files++)}`, 'sessions.jsonl');

describe('a registry in memory', () => {
  registryContract(async () => new MemoryRegistry());
});
describe('a registry in a file', () => {
  registryContract(() => FileRegistry.open(newPath()));
});

describe('a registry file', () => {
  it('is there after a restart', async () => {
    const path = newPath();
    const first = await FileRegistry.open(path);
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        first.put(keyed(`s${String(n)}`, { owner: `u${String(n)}` })),
      ),
    );
    await first.stop();
    const second = await FileRegistry.open(path);
    expect(second.entries()).toHaveLength(50);
    expect(second.byKey('u7', 'k')?.session).toBe('s7');
    await second.stop();
  });

  it('forgives a torn last line, and the next entry is not glued to it', async () => {
    const path = newPath();
    const first = await FileRegistry.open(path);
    await first.put(entry('a'));
    await first.stop();
    await appendFile(path, '{"session":"b","own');
    const second = await FileRegistry.open(path);
    expect(second.entries().map(({ session }) => session)).toEqual(['a']);
    await second.put(entry('c'));
    await second.stop();
    const third = await FileRegistry.open(path);
    expect(third.entries().map(({ session }) => session)).toEqual(['c', 'a']);
    await third.stop();
  });

  it('is refused when a line in the middle is damaged, with the line named', async () => {
    const path = newPath();
    const first = await FileRegistry.open(path);
    await first.put(entry('a'));
    await first.put(entry('b'));
    await first.stop();
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"expected":2', '"expected":"two"'));
    await expect(FileRegistry.open(path)).rejects.toThrow(/damaged in line 1/);
  });

  it('is written anew when it has gathered old lines', async () => {
    const path = newPath();
    const registry = await FileRegistry.open(path);
    for (let n = 0; n < 12; n++)
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => registry.put(entry('a', { accepted: n * 100 + i }))),
      );
    await registry.stop();
    expect((await readFile(path, 'utf8')).split('\n').length).toBeLessThan(600);
    const again = await FileRegistry.open(path);
    expect(again.get('a')?.accepted).toBe(1199);
    await again.stop();
  });
});
