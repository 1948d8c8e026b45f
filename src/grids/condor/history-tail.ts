/** The end of one schedd's history: which jobs have reached it since it was looked at last. */
import type { Ad } from '../../classad/ad.js';
import type { JobCompletion } from '../job-logs.js';
import type { JobKey } from '../jobs.js';
import { historyCommand } from './history.js';
import { revisionOf } from './job-state.js';
import { streamAds, type Pool, type Schedd } from './pool.js';

/** Records that one look reads at most: more than a schedd ends between two looks. */
const maxNews = 200_000;
/** The newest records that are remembered, so that one of them is met again even where some are gone. */
const remembered = 50;
/** Where the history could not be read when following began, its records since then, less this, are news. */
const clockSlackMs = 5_000;
/** Jobs that were held back from the history for longer, in the queue, are no news of a restart. */
const resumeSlackMs = 600_000;

type End = Pick<JobCompletion, 'key' | 'revision'>;

/** Ends that are known, the newest first, and when the newest was. */
interface Ended {
  readonly ends: readonly End[];
  readonly endedAtMs: number;
}

/** What a look is to read of the records. */
export interface WantedNews {
  /** Undefined: whole ads. */
  readonly attributes: readonly string[] | undefined;
  /** Ads that have all of those: the oldest. Of a flood the others have what is `told`. */
  readonly maxAds: number;
  readonly told: readonly string[];
}

/** A record, or an end that may become one: a job that ended in the queue can end there once more. */
interface Known {
  readonly name: string;
  readonly revision: string;
}

export class HistoryTail {
  /** The newest records that were read, the newest first. */
  #known: readonly Known[] = [];
  #begunAtMs: number | undefined;
  #begun = false;
  /** Set until a record has been met behind which to go on. */
  #resumedMs: number | undefined;
  #rewound: Ended | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly schedd: Schedd,
  ) {}

  /**
   * Goes on behind the ends that are known, the newest first: what has reached the history since is news. Records
   * that entered their last state long before that are none, should all of these be gone.
   */
  resume(ends: readonly End[], endedAtMs: number): void {
    if (this.#begun || ends.length === 0) return;
    this.#goBehind({ ends, endedAtMs });
    this.#begun = true;
  }

  /** The same, from the next look on, where this began without them. */
  rewind(ends: readonly End[], endedAtMs: number): void {
    this.#rewound = { ends, endedAtMs };
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** What is there by now is no news; where that can't be read, `news` goes by the time of this call. */
  async begin(signal: AbortSignal): Promise<void> {
    if (this.#begun) return;
    this.#begunAtMs ??= Date.now();
    const wanted = { attributes: [], maxAds: remembered, told: [] };
    const { news } = await this.#read(wanted, remembered, signal);
    this.#known = news.map(knownOf);
    this.#begun = true;
  }

  /**
   * Jobs that have reached the history since the last look, the oldest first. A look that fails changes
   * nothing: the next one gives them.
   */
  async news(wanted: WantedNews, signal: AbortSignal): Promise<readonly Ad[]> {
    if (this.#rewound !== undefined) this.#goBehind(this.#rewound);
    this.#rewound = undefined;
    const { news, met } = await this.#read(wanted, maxNews, signal);
    const sinceMs = this.#begun
      ? (this.#resumedMs ?? -Infinity)
      : (this.#begunAtMs ?? Date.now()) - clockSlackMs;
    const newest = [...news.slice(0, remembered).map(knownOf), ...met];
    if (newest.length > 0) this.#resumedMs = undefined;
    this.#known = [...newest, ...this.#known].slice(0, remembered);
    this.#begun = true;
    return news.filter((ad) => endOf(ad) >= sinceMs).reverse();
  }

  #goBehind({ ends, endedAtMs }: Ended): void {
    this.#known = ends.slice(0, remembered).map(({ key: { clusterId, procId }, revision }) => ({
      name: `${clusterId}.${procId}`,
      revision,
    }));
    this.#resumedMs = endedAtMs - resumeSlackMs;
  }

  /** Records from the newest to the first that is known, which was met unless the command itself stopped there. */
  async #read(
    { attributes, maxAds, told }: WantedNews,
    scanLimit: number,
    signal: AbortSignal,
  ): Promise<{ readonly news: readonly Ad[]; readonly met: readonly Known[] }> {
    const query = {
      attributes: attributes && [...new Set([...knownBy, ...attributes])],
      constraint: undefined,
    };
    // The command knows no revisions.
    const [since] = this.#resumedMs === undefined ? this.#known : [];
    const command = historyCommand(this.pool, this.schedd, query, {
      scanLimit,
      since: since?.name,
    });
    const known = new Set(this.#known.map(textOf));
    const news: Ad[] = [];
    const brief = [...new Set([...knownBy, ...told])];
    // Whole ads are for constraints that are evaluated here, as those of lists are.
    const exactReals = attributes === undefined;
    for await (const batch of streamAds(this.pool, command, signal, { exactReals })) {
      for (const ad of batch) {
        const record = knownOf(ad);
        // With the record to stop at gone, the scan would run on into what was there before.
        if (known.has(textOf(record))) return { news, met: [record] };
        news.push(ad);
        const beyond = news[news.length - 1 - maxAds];
        if (beyond !== undefined) news[news.length - 1 - maxAds] = beyond.only(brief);
      }
    }
    return { news, met: [] };
  }
}

const knownBy = ['ClusterId', 'ProcId', 'JobStatus', 'EnteredCurrentStatus'] as const;
const knownOf = (ad: Ad): Known => ({
  name: `${ad.number('ClusterId')}.${ad.number('ProcId')}`,
  revision: revisionOf(ad),
});
const textOf = ({ name, revision }: Known): string => `${name} ${revision}`;
const endOf = (ad: Ad): number => (ad.number('EnteredCurrentStatus') ?? Infinity) * 1000;

export const keyOf = (schedd: string, ad: Ad): JobKey | undefined => {
  const clusterId = ad.number('ClusterId');
  const procId = ad.number('ProcId');
  return clusterId === null || procId === null ? undefined : { schedd, clusterId, procId };
};
