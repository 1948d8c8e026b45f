/** From the start of the built program with its embedded grid to where it says that it is ready. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.js';
import { NotRun } from '../bench.js';
import { sampleOf, timed } from '../measure.js';

const program = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export const start: Bench = {
  name: 'start',
  about: 'from the start of the program with its embedded grid to /readyz',
  async run({ quick }) {
    if (!existsSync(program)) throw new NotRun('the program is not built (npm run build)');
    const values: number[] = [];
    await ready(); // its files are in memory from now on
    for (let round = 0; round < (quick ? 1 : 7); round += 1) values.push(await ready());
    const { median, least, largest } = sampleOf(values);
    return [
      {
        what: 'from the start of the program to /readyz',
        value: median / 1000,
        unit: 's',
        spread: [least / 1000, largest / 1000],
        target: { atMost: 2 },
      },
    ];
  },
};

async function ready(): Promise<number> {
  const child = spawn(process.execPath, [program, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit');
  try {
    return await timed(async () => {
      const address = await Promise.race([addressOf(child.stdout), ended.then(failed)]);
      const readiness = new URL('/readyz', address);
      while (!(await fetch(readiness)).ok) await sleep(5);
    });
  } finally {
    child.kill();
    await ended;
  }
}

async function addressOf(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const [, address] = /answers at (\S+)/.exec(line) ?? [];
    if (address !== undefined) return address;
  }
  return failed();
}

function failed(): never {
  throw new Error('The program ended before it was ready.');
}
