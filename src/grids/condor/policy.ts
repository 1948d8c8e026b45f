/**
 * What the operator allows of a pool: which attributes are hidden, how many jobs a list may hold. From the settings of
 * the grid, and from the HTCondor configuration that htcondor-restd reads, so that a pool has one policy for both.
 */
import { GridError } from '../../errors.js';
import { parseDump } from './config-dump.js';
import { HiddenNames } from './hidden.js';
import type { CommandRunner } from './runner.js';

export interface PoolPolicy {
  readonly hidden: HiddenNames;
  /** Jobs of one source in one list, at most. */
  readonly maxJobs: number | undefined;
}

export interface PolicySettings {
  /** Attributes that are never shown, besides those of RESTD_HIDE_JOB_ATTRS. */
  readonly hideAttributes?: readonly string[] | undefined;
  /** Jobs of one source in one list, at most; RESTD_MAX_JOBS counts where it is smaller. */
  readonly maxJobs?: number | undefined;
}

/** Milliseconds for which what HTCondor's configuration says stands. */
const freshMs = 60_000;

/** The same words as the look for the own schedd: both under way are one command. */
const dump = { program: 'condor_config_val', args: ['-dump', '-expanded'] } as const;

/** Reads the configuration of the host that the commands run on, at most once in `freshMs`. */
export class PolicyReader {
  #read: { readonly policy: PoolPolicy; readonly atMs: number } | undefined;

  constructor(
    private readonly runner: CommandRunner,
    private readonly settings: PolicySettings = {},
  ) {}

  /** What is hidden must be known: without the first answer there is no policy, later the last one stays in force. */
  async current(signal: AbortSignal): Promise<PoolPolicy> {
    const last = this.#read;
    if (last !== undefined && Date.now() - last.atMs < freshMs) return last.policy;
    try {
      const policy = policyOf(
        this.settings,
        (await this.runner.collect(dump, signal)).toString('utf8'),
      );
      this.#read = { policy, atMs: Date.now() };
      return policy;
    } catch (error) {
      if (last === undefined || signal.aborted) throw error;
      this.#read = { policy: last.policy, atMs: Date.now() };
      return last.policy;
    }
  }
}

/** Hidden is what either hides, the limit is the smaller one. */
export function policyOf(settings: PolicySettings, configuration: string): PoolPolicy {
  const values = new Map(
    parseDump(configuration).map(({ name, value }) => [name.toUpperCase(), value.trim()]),
  );
  const hidden = (values.get('RESTD_HIDE_JOB_ATTRS') ?? '').split(/[\s,]+/).filter(Boolean);
  const limits = [settings.maxJobs, limitOf(values.get('RESTD_MAX_JOBS'))];
  const known = limits.filter((limit) => limit !== undefined);
  return {
    hidden: new HiddenNames([...(settings.hideAttributes ?? []), ...hidden]),
    maxJobs: known.length === 0 ? undefined : Math.min(...known),
  };
}

/** A negative number means no limit. */
function limitOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw new GridError(
      'UNAVAILABLE',
      `Expected a whole number in RESTD_MAX_JOBS of the pool's configuration, came ${JSON.stringify(text.slice(0, 40))}.`,
    );
  }
  const limit = Number(text);
  return limit < 0 ? undefined : limit;
}
