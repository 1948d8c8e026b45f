/** Whether a history is deeper than a scan limit, remembered for a while: a filtered scan can't tell by itself. */
import { historyCommand, type HistoryScan } from './history.js';
import { streamAds, type Pool, type Schedd } from './pool.js';

/** Milliseconds an answer stands. */
const freshMs = 60_000;
const keptAnswers = 64;

export class HistoryDepth {
  private readonly known = new Map<string, { readonly reaches: boolean; readonly atMs: number }>();

  constructor(private readonly pool: Pool) {}

  async reaches(schedd: Schedd, scan: HistoryScan, signal: AbortSignal): Promise<boolean> {
    const key = JSON.stringify([schedd.name, scan.scanLimit, scan.since]);
    const old = this.known.get(key);
    if (old !== undefined && Date.now() - old.atMs < freshMs) return old.reaches;
    const command = historyCommand(
      this.pool,
      schedd,
      { attributes: ['ProcId'], constraint: undefined },
      scan,
    );
    let records = 0;
    for await (const batch of streamAds(this.pool, command, signal)) records += batch.length;
    this.known.delete(key);
    this.known.set(key, { reaches: records >= scan.scanLimit, atMs: Date.now() });
    const [oldest] = this.known.keys();
    if (this.known.size > keptAnswers && oldest !== undefined) this.known.delete(oldest);
    return records >= scan.scanLimit;
  }
}
