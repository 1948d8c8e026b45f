/** Whether a pool answers, what it has, and whether its commands are there at all. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { asGridError } from '../../errors.js';
import type { ComponentHealth, GridHealth, HealthStatus } from '../grid.js';
import type { CommandPlace } from './command.js';
import { collectAds, type Pool } from './pool.js';
import { CommandRunner, type RunnerOptions } from './runner.js';
import { Schedds } from './schedds.js';
import { statusCommand } from './status-source.js';
import { queueCommand } from './queue.js';

/** Never throws: what does not answer is DOWN with the reason as its detail. */
export async function poolHealth(
  pool: Pool,
  schedds: Schedds,
  streaming: readonly { health(): Promise<ComponentHealth> }[],
  lastOkAt: number | null,
  signal: AbortSignal,
): Promise<GridHealth> {
  const startedAt = performance.now();
  const [collector, queues, streams] = await Promise.all([
    component('collector', () => askCollector(pool, signal)),
    scheddHealth(pool, schedds, signal),
    Promise.all(streaming.map((part) => part.health())),
  ]);
  const components = [collector, ...queues, ...streams];
  const checkedAt = Date.now();
  const core = overall([collector, ...queues]);
  // How events are told says nothing of whether the pool answers.
  const status = core === 'OK' ? overall(components) : core;
  return {
    status,
    checkedAt,
    lastOkAt: status === 'OK' ? checkedAt : lastOkAt,
    latencyMs: Math.round(performance.now() - startedAt),
    components,
  };
}

async function askCollector(pool: Pool, signal: AbortSignal): Promise<number> {
  const query = { attributes: ['Name'], constraint: undefined };
  const command = statusCommand(pool, 'COLLECTOR', query, '-limit', '1');
  return (await collectAds(pool, command, signal)).length;
}

async function scheddHealth(
  pool: Pool,
  schedds: Schedds,
  signal: AbortSignal,
): Promise<readonly ComponentHealth[]> {
  try {
    const list = await schedds.list(signal);
    return await Promise.all(
      list.map((schedd) =>
        component(
          `schedd ${schedd.name}`,
          async () => {
            const query = { attributes: ['ClusterId'], constraint: undefined };
            const command = queueCommand(pool, schedd, query, '-limit', '1');
            return (await collectAds(pool, command, signal)).length;
          },
          null,
        ),
      ),
    );
  } catch (error) {
    return [{ name: 'schedds', status: 'DOWN', detail: asGridError(error).message, count: 0 }];
  }
}

async function component(
  name: string,
  ask: () => Promise<number>,
  count?: null,
): Promise<ComponentHealth> {
  try {
    const found = await ask();
    return { name, status: 'OK', detail: null, count: count === null ? null : found };
  } catch (error) {
    return { name, status: 'DOWN', detail: asGridError(error).message, count: null };
  }
}

function overall(components: readonly ComponentHealth[]): HealthStatus {
  if (components.every(({ status }) => status === 'OK')) return 'OK';
  return components.some(({ status }) => status === 'OK') ? 'DEGRADED' : 'DOWN';
}

export type Probe =
  | {
      readonly found: true;
      readonly version: string;
      readonly schedds: readonly string[];
      readonly slots: number;
    }
  | { readonly found: false; readonly reason: string };

export interface ProbeSettings extends RunnerOptions {
  readonly name: string;
  readonly pool?: string | undefined;
  readonly schedds?: readonly string[] | undefined;
}

/** What is there, for `--check`. */
export async function probe(settings: ProbeSettings, signal: AbortSignal): Promise<Probe> {
  const runner = new CommandRunner(settings);
  const pool: Pool = {
    name: settings.name,
    runner,
    collector: settings.pool,
    policy: () => Promise.reject(new Error('A probe shows no ads.')),
  };
  try {
    const version = { program: 'condor_q', args: ['-version'] } as const;
    const slots = statusCommand(pool, 'SLOT', { attributes: ['Name'], constraint: undefined });
    const [told, schedds, slotAds] = await Promise.all([
      runner.collect(version, signal),
      new Schedds(pool, { names: settings.schedds }).list(signal),
      collectAds(pool, slots, signal),
    ]);
    return {
      found: true,
      version: /CondorVersion: (\S+)/.exec(told.toString('utf8'))?.[1] ?? 'unknown',
      schedds: schedds.map(({ name }) => name),
      slots: slotAds.length,
    };
  } catch (error) {
    return { found: false, reason: asGridError(error).message };
  } finally {
    await runner.stop();
  }
}

/** Whether condor_q can be started here; behind a prefix only trying can tell, so true. */
export async function commandsFound({ prefix, path }: CommandPlace): Promise<boolean> {
  if (prefix !== undefined) return true;
  const folders = path === undefined ? (process.env['PATH'] ?? '').split(delimiter) : [path];
  const tries = folders.map((folder) => access(join(folder, 'condor_q'), constants.X_OK));
  return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled');
}
