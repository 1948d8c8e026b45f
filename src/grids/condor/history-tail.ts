/** The end of one schedd's history: which jobs have reached it since it was looked at last. */
import type { Ad } from '../../classad/ad.js';
import type { JobKey } from '../jobs.js';
import { historyCommand } from './history.js';
import { streamAds, type Pool, type Schedd } from './pool.js';

/** Records that one look reads at most: more than a schedd ends between two looks. */
const maxNews = 200_000;
/** The newest records that are remembered, so that one of them is met again even where some are gone. */
const remembered = 50;
/** Where the history could not be read when following began, its records since then, less this, are news. */
const clockSlackMs = 5_000;
/** Jobs that were held back from the history for longer, in the queue, are no news of a restart. */
const resumeSlackMs = 600_000;

/** Jobs that are known to have ended, the newest first, and when the newest had. */
interface Ended {
  readonly keys: readonly JobKey[];
  readonly endedAtMs: number;
}

export class HistoryTail {
  /** The newest records that were read, the newest first. */
  #known: readonly string[] = [];
  #begunAtMs: number | undefined;
  #begun = false;
  #resumedMs: number | undefined;
  #rewound: Ended | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly schedd: Schedd,
  ) {}

  /**
   * Goes on behind the jobs that are known to have ended, the newest first: what has reached the history since is
   * news. Records that entered their last state long before that are none, should all of these be gone.
   */
  resume(keys: readonly JobKey[], endedAtMs: number): void {
    if (this.#begun || keys.length === 0) return;
    this.#goBehind({ keys, endedAtMs });
    this.#begun = true;
  }

  /** The same, from the next look on, where this began without them. */
  rewind(keys: readonly JobKey[], endedAtMs: number): void {
    this.#rewound = { keys, endedAtMs };
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** What is there by now is no news; where that can't be read, `news` goes by the time of this call. */
  async begin(signal: AbortSignal): Promise<void> {
    if (this.#begun) return;
    this.#begunAtMs ??= Date.now();
    this.#known = (await this.#read(['EnteredCurrentStatus'], remembered, signal)).map(nameOf);
    this.#begun = true;
  }

  /**
   * Jobs that have reached the history since the last look, the oldest first. A look that fails changes
   * nothing: the next one gives them. `attributes` undefined: whole ads.
   */
  async news(
    attributes: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly Ad[]> {
    if (this.#rewound !== undefined) this.#goBehind(this.#rewound);
    this.#rewound = undefined;
    const read = await this.#read(attributes, maxNews, signal);
    const sinceMs = this.#begun
      ? (this.#resumedMs ?? -Infinity)
      : (this.#begunAtMs ?? Date.now()) - clockSlackMs;
    this.#resumedMs = undefined;
    this.#known = [...read.slice(0, remembered).map(nameOf), ...this.#known].slice(0, remembered);
    this.#begun = true;
    return read.filter((ad) => endOf(ad) >= sinceMs).reverse();
  }

  #goBehind({ keys, endedAtMs }: Ended): void {
    this.#known = keys
      .slice(0, remembered)
      .map(({ clusterId, procId }) => `${clusterId}.${procId}`);
    this.#resumedMs = endedAtMs - resumeSlackMs;
  }

  async #read(
    attributes: readonly string[] | undefined,
    scanLimit: number,
    signal: AbortSignal,
  ): Promise<readonly Ad[]> {
    const query = {
      attributes: attributes && [...new Set(['ClusterId', 'ProcId', ...attributes])],
      constraint: undefined,
    };
    const [since] = this.#known;
    const command = historyCommand(this.pool, this.schedd, query, { scanLimit, since });
    const known = new Set(this.#known);
    const ads: Ad[] = [];
    // Whole ads are for constraints that are evaluated here, as those of lists are.
    const exactReals = attributes === undefined;
    for await (const batch of streamAds(this.pool, command, signal, { exactReals })) {
      for (const ad of batch) {
        // With the record to stop at gone, the scan would run on into what was there before.
        if (known.has(nameOf(ad))) return ads;
        ads.push(ad);
      }
    }
    return ads;
  }
}

const nameOf = (ad: Ad): string => `${ad.number('ClusterId')}.${ad.number('ProcId')}`;
const endOf = (ad: Ad): number => (ad.number('EnteredCurrentStatus') ?? Infinity) * 1000;

export const keyOf = (schedd: string, ad: Ad): JobKey | undefined => {
  const clusterId = ad.number('ClusterId');
  const procId = ad.number('ProcId');
  return clusterId === null || procId === null ? undefined : { schedd, clusterId, procId };
};
