/** What every part of a pool shares: its name, its runner, and how its commands begin. */
import type { Ad } from '../../classad/ad.js';
import type { ParseAdsOptions } from '../../classad/json.js';
import { GridError } from '../../errors.js';
import { adBatches, adsOf, type AdFraming } from './ads-stream.js';
import type { Command, Program } from './command.js';
import type { PoolPolicy } from './policy.js';
import type { CommandRunner } from './runner.js';

export interface Pool {
  readonly name: string;
  readonly runner: CommandRunner;
  /** Address of the collector where it is not the one of the host's own configuration. */
  readonly collector: string | undefined;
  /** What the operator allows; asked anew by every list and look-up, read now and then. */
  policy(signal: AbortSignal): Promise<PoolPolicy>;
}

/**
 * Milliseconds for a whole source, which may take two commands one after the other; each has its own
 * deadline, so that a command that hangs is told from a source that is merely slow.
 */
export const sourceDeadlineMs = (pool: Pool): number => 2 * pool.runner.deadlineMs;

/** A schedd by its full name; the host's own is asked without the collector in between. */
export interface Schedd {
  readonly name: string;
  readonly own: boolean;
}

/**
 * The error of a source: its schedd was listed, so one that is unknown now has withdrawn its ad. That is
 * trouble of this one part of the pool, not a fault of the request.
 */
export function troubleOf(schedd: Schedd, error: unknown): unknown {
  if (!(error instanceof GridError) || error.code !== 'UNKNOWN_SCHEDD') return error;
  const message = `The schedd ${schedd.name} has gone: the collector has no record of it now.`;
  return new GridError('UNAVAILABLE', message, { cause: error });
}

/** What a daemon may be called: the name is pasted into an expression by the commands themselves. */
const daemonName = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,254}$/;

export function checkDaemonName(name: string): void {
  if (daemonName.test(name)) return;
  throw new GridError(
    'UNKNOWN_SCHEDD',
    `Expected a daemon's name (letters, digits, _ . @ -), came ${JSON.stringify(name.slice(0, 80))}.`,
  );
}

/** The words that lead to the daemon: `-pool H`, `-name S`. */
export function addressed(pool: Pool, schedd: Schedd | undefined): readonly string[] {
  const where = pool.collector === undefined ? [] : ['-pool', pool.collector];
  if (schedd === undefined) return where;
  if (schedd.own && pool.collector === undefined) return [];
  checkDaemonName(schedd.name);
  return [...where, '-name', schedd.name];
}

export interface AdQuery {
  readonly attributes: readonly string[] | undefined;
  readonly constraint: string | undefined;
}

/** `-attributes ''` would mean all: an empty list is never sent. */
export const selecting = ({ attributes, constraint }: AdQuery): readonly string[] => [
  ...(attributes === undefined || attributes.length === 0
    ? []
    : ['-attributes', attributes.join(',')]),
  ...(constraint === undefined ? [] : ['-constraint', constraint]),
];

const framing: Readonly<Partial<Record<Program, AdFraming>>> = { condor_history: 'jsonl' };
const framingOf = (command: Command): AdFraming => framing[command.program] ?? 'json';

/** Ads as they arrive; returning early kills the command. */
export const streamAds = (
  pool: Pool,
  command: Command,
  signal: AbortSignal,
  options: ParseAdsOptions = {},
): AsyncGenerator<readonly Ad[], void, undefined> =>
  adBatches(pool.runner.stream(command, signal), framingOf(command), options);

/** The ads of a small answer; the same question under way is asked once. */
export const collectAds = async (
  pool: Pool,
  command: Command,
  signal: AbortSignal,
  options: ParseAdsOptions = {},
): Promise<readonly Ad[]> =>
  adsOf(await pool.runner.collect(command, signal), framingOf(command), options);
