/** What of the processors' time a virtual machine did not get, by the kernel's count: others on its host had it. */
import { readFileSync } from 'node:fs';

interface Ticks {
  readonly stolen: number;
  readonly all: number;
}

/** Gives the share since the call, 0 to 1; undefined where the system does not count it. */
export function stolenFromHere(): () => number | undefined {
  const before = ticks();
  return () => {
    const after = ticks();
    if (before === undefined || after === undefined || after.all === before.all) return undefined;
    return (after.stolen - before.stolen) / (after.all - before.all);
  };
}

/** user, nice, system, idle, iowait, irq, softirq, steal; the two behind them are in the first two. */
function ticks(): Ticks | undefined {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    const counts = line.trim().split(/ +/).slice(1, 9).map(Number);
    return { stolen: counts[7] ?? 0, all: counts.reduce((sum, count) => sum + count, 0) };
  } catch {
    return undefined;
  }
}
