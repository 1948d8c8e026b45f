/**
 * Gathers what comes one by one into batches, for a question that costs about the same whatever the size of the batch.
 * Two are asked at a time at most, and the second only when it is worth a scan of its own.
 */

/** How many times larger than the batch under way one is that does not wait for its end. */
const worthBeside = 4;
/** Milliseconds that one waits for the batch under way, or as long as the one before took; the second bounds that. */
const besideMs = 100;
const besideAtMostMs = 400;

interface Entry<Item> {
  readonly item: Item;
  /** By the monotonic clock. */
  readonly atMs: number;
}

export class Gathering<Item> {
  private waiting: Entry<Item>[] = [];
  private readonly underWay = new Set<readonly Item[]>();
  private timer: NodeJS.Timeout | undefined;
  private turn: NodeJS.Immediate | undefined;
  private endedAtMs = -Infinity;
  private lastTookMs = 0;
  /** Whom the last batch and those under way have answered, without those that have asked on since. */
  private away = 0;
  private lastSize = 0;

  constructor(
    /** Milliseconds without another item after which a batch goes, four times as many at most. */
    private readonly gatherMs: number,
    private readonly ask: (batch: readonly Item[]) => Promise<void>,
  ) {}

  add(item: Item): void {
    this.waiting.push({ item, atMs: performance.now() });
    if (this.away > 0) this.away -= 1;
    this.schedule();
  }

  /** One of a batch has its answer, before the batch ends or with its end. */
  answered(): void {
    this.away += 1;
  }

  /** Whether it was still waiting. */
  remove(item: Item): boolean {
    const at = this.waiting.findIndex((entry) => entry.item === item);
    if (at !== -1) this.waiting.splice(at, 1);
    return at !== -1;
  }

  /** Those that wait; none of them is asked. */
  takeAll(): readonly Item[] {
    this.unschedule();
    const all = this.waiting.map(({ item }) => item);
    this.waiting = [];
    return all;
  }

  private schedule(): void {
    this.unschedule();
    const dueInMs = this.dueMs() - performance.now();
    if (dueInMs === Infinity) return;
    if (dueInMs <= 0) this.turn = setImmediate(() => this.send());
    else this.timer = setTimeout(() => this.onTime(), dueInMs);
  }

  private unschedule(): void {
    clearTimeout(this.timer);
    clearImmediate(this.turn);
  }

  /** A busy process is late: first what has arrived meanwhile is read. */
  private onTime(): void {
    this.turn = setImmediate(() => {
      if (this.dueMs() <= performance.now()) this.send();
      else this.schedule();
    });
  }

  /** When the batch goes, as things are. */
  private dueMs(): number {
    const [first] = this.waiting;
    const last = this.waiting.at(-1);
    if (first === undefined || last === undefined || this.underWay.size >= 2) return Infinity;
    const [beside] = this.underWay;
    if (beside !== undefined && this.waiting.length < worthBeside * beside.length) {
      return first.atMs + Math.min(Math.max(besideMs, this.lastTookMs), besideAtMostMs);
    }
    // Who has just been answered often asks on: they are one batch again, not two that take turns for ever.
    const returningUntilMs = this.endedAtMs + 8 * this.gatherMs;
    const returning = performance.now() < returningUntilMs;
    if (returning && this.away === 0 && this.lastSize > 1) return 0;
    const pauseMs = returning ? 2 * this.gatherMs : this.gatherMs;
    return Math.min(
      Math.max(last.atMs, this.endedAtMs) + pauseMs,
      returning ? returningUntilMs : first.atMs + 4 * this.gatherMs,
    );
  }

  private send(): void {
    const batch = this.takeAll();
    if (batch.length === 0) return;
    this.away = 0;
    this.underWay.add(batch);
    const startedAtMs = performance.now();
    void this.ask(batch).finally(() => {
      this.underWay.delete(batch);
      this.endedAtMs = performance.now();
      this.lastTookMs = this.endedAtMs - startedAtMs;
      this.lastSize = batch.length;
      this.schedule();
    });
  }
}
