/**
 * What process groups use of processor and memory, as /proc shows it now and then: Node keeps what the system says of an
 * ended child to itself. Where there is no /proc, nothing is known.
 */
import { readdir, readFile } from 'node:fs/promises';

export interface Usage {
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Resident memory of all processes together, at most. */
  readonly peakKb: number;
}

/** Milliseconds between two looks; a group that is new is looked at sooner. */
const everyMs = 1_000;
const firstMs = 50;

/** Ticks of the times in /proc/PID/stat a second, on every Linux that Node runs on. */
const ticksPerSecond = 100;

export class GroupUsage {
  readonly #groups = new Map<number, Usage | undefined>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, by the monotonic clock; never while there is none. */
  #dueMs = Infinity;
  #looking: Promise<void> | undefined;

  /** @returns what ends the watch, and gives what was seen: undefined of a group that was never met. */
  watch(group: number): () => Usage | undefined {
    this.#groups.set(group, undefined);
    this.#lookIn(firstMs);
    return () => {
      const seen = this.#groups.get(group);
      this.#groups.delete(group);
      return seen;
    };
  }

  stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#groups.clear();
    return this.#looking ?? Promise.resolve();
  }

  /** Or before that: groups that come one behind another must not put it off for ever. */
  #lookIn(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Infinity;
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
        if (this.#groups.size > 0) this.#lookIn(everyMs);
      });
    }, ms);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const sums = new Map<number, Usage>();
    const names = await readdir('/proc').catch(() => []);
    for (const pid of names.filter((name) => /^\d+$/.test(name))) {
      const stat = await read(pid, 'stat');
      const seen = stat === undefined ? undefined : timesOf(stat);
      if (seen === undefined || !this.#groups.has(seen.group)) continue;
      const sum = sums.get(seen.group) ?? none;
      sums.set(seen.group, {
        userSeconds: sum.userSeconds + seen.userSeconds,
        systemSeconds: sum.systemSeconds + seen.systemSeconds,
        peakKb: sum.peakKb + residentKb((await read(pid, 'status')) ?? ''),
      });
    }
    // A group may have ended meanwhile. What a process had used that ended alone is no longer in the sum.
    for (const [group, sum] of sums) {
      if (this.#groups.has(group)) this.#groups.set(group, largest(this.#groups.get(group), sum));
    }
  }
}

const none: Usage = { userSeconds: 0, systemSeconds: 0, peakKb: 0 };

const largest = (before: Usage = none, now: Usage): Usage => ({
  userSeconds: Math.max(before.userSeconds, now.userSeconds),
  systemSeconds: Math.max(before.systemSeconds, now.systemSeconds),
  peakKb: Math.max(before.peakKb, now.peakKb),
});

/** Undefined of a process that has ended since. */
const read = (pid: string, file: string): Promise<string | undefined> =>
  readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => undefined);

/** Its own times and those of the children that it has waited for. The name before them may hold anything. */
function timesOf(stat: string): (Omit<Usage, 'peakKb'> & { readonly group: number }) | undefined {
  // State, parent and group come first behind the name; the four times are the 12th to 15th.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, , group] = fields;
  const [user, system, childUser, childSystem] = fields.slice(11, 15);
  if (group === undefined || childSystem === undefined) return undefined;
  return {
    group,
    userSeconds: ((user ?? 0) + (childUser ?? 0)) / ticksPerSecond,
    systemSeconds: ((system ?? 0) + childSystem) / ticksPerSecond,
  };
}

const residentKb = (status: string): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
