/** The schedds of a pool: the host's own first, then those that the collector lists. */
import { GridError } from '../../errors.js';
import { collectAds, addressed, type Pool, type Schedd } from './pool.js';

/** Milliseconds a list stands. */
const freshMs = 30_000;

export interface ScheddsOptions {
  /** Only these, where the operator names them. */
  readonly names?: readonly string[] | undefined;
}

export class Schedds {
  private cached: { readonly list: readonly Schedd[]; readonly atMs: number } | undefined;
  /** Kept once it is known; who asks meanwhile shares the command, not the wait of the one who came first. */
  private known: { readonly own: string | undefined } | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly options: ScheddsOptions = {},
  ) {}

  async list(signal: AbortSignal): Promise<readonly Schedd[]> {
    if (this.cached !== undefined && Date.now() - this.cached.atMs < freshMs) {
      return this.cached.list;
    }
    const list = await this.discover(signal);
    this.cached = { list, atMs: Date.now() };
    return list;
  }

  /** By its full name; a name that isn't listed is asked for all the same, the collector decides. */
  async named(name: string, signal: AbortSignal): Promise<Schedd> {
    const own = await this.own(signal);
    return { name, own: own !== undefined && own === name };
  }

  private async discover(signal: AbortSignal): Promise<readonly Schedd[]> {
    const own = await this.own(signal);
    const { names } = this.options;
    if (names !== undefined) return names.map((name) => ({ name, own: name === own }));
    const listed = await this.listed(signal).catch((error: unknown) => {
      // The host's own schedd needs no collector.
      if (own === undefined) throw error;
      return [];
    });
    const others = listed.filter((name) => name !== own);
    const all = own === undefined ? others : [own, ...others];
    if (all.length === 0) {
      throw new GridError('UNAVAILABLE', `The pool ${this.pool.name} has no schedd now.`);
    }
    return all.map((name) => ({ name, own: name === own }));
  }

  private async listed(signal: AbortSignal): Promise<readonly string[]> {
    const args = [...addressed(this.pool, undefined), '-schedd', '-json', '-attributes', 'Name'];
    const ads = await collectAds(this.pool, { program: 'condor_status', args }, signal);
    return ads.flatMap((ad) => ad.string('Name') ?? []).sort();
  }

  /** The schedd of the host that the commands run on, from its configuration; a pool elsewhere has none. */
  private async own(signal: AbortSignal): Promise<string | undefined> {
    if (this.pool.collector !== undefined) return undefined;
    this.known ??= { own: await this.configured(signal) };
    return this.known.own;
  }

  private async configured(signal: AbortSignal): Promise<string | undefined> {
    const command = { program: 'condor_config_val', args: ['-dump', '-expanded'] } as const;
    const dump = (await this.pool.runner.collect(command, signal)).toString('utf8');
    const value = (name: string): string | undefined =>
      new RegExp(`^${name} = (.*)$`, 'mi').exec(dump)?.[1]?.trim();
    const host = value('FULL_HOSTNAME');
    const runs = /\bSCHEDD\b/i.test(value('DAEMON_LIST') ?? '');
    if (host === undefined || !runs || value('SCHEDD_HOST')) return undefined;
    const name = value('SCHEDD_NAME');
    if (!name) return host;
    return name.includes('@') ? name : `${name}@${host}`;
  }
}
