/**
 * With ad information switched on each event is written twice: plain, and again (28) with attributes of
 * the job. Of such twins only the second is passed on, in the place of the first. Several writers append
 * at the same time, and one that was started before the switch writes plain events alone: so an event
 * waits shortly for its twin, unless this log is known to have none.
 */
import type { LogRecord } from './record.js';

/** A twin is written right behind its event; milliseconds after which none will come. */
const patienceMs = 50;
/** Plain events in a row after which no twins are expected. */
const plainRun = 20;
/** Plain events that were passed on, for twins that come too late after all. */
const remembered = 64;

interface Waiting {
  record: LogRecord;
  readonly untilMs: number;
  settled: boolean;
}

export class Twins {
  readonly #waiting: Waiting[] = [];
  readonly #passed: string[] = [];
  #plain = 0;

  /** Milliseconds until `ready` has something to give again; undefined where nothing waits. */
  dueInMs(nowMs: number): number | undefined {
    const [first] = this.#waiting;
    return first === undefined ? undefined : Math.max(0, first.untilMs - nowMs);
  }

  push(record: LogRecord, nowMs: number): void {
    if (record.adInfo) return this.#join(record, nowMs);
    const alone = this.#plain >= plainRun;
    this.#waiting.push({ record, untilMs: nowMs + patienceMs, settled: alone });
    if (alone) this.#remember(record);
  }

  /** Records in the order of their events, as far as none before them waits. */
  ready(nowMs: number): readonly LogRecord[] {
    let count = 0;
    for (const one of this.#waiting) {
      if (!one.settled && one.untilMs > nowMs) break;
      if (!one.settled) {
        this.#plain += 1;
        this.#remember(one.record);
      }
      count += 1;
    }
    return this.#waiting.splice(0, count).map(({ record }) => record);
  }

  #join(record: LogRecord, nowMs: number): void {
    const name = nameOf(record);
    this.#plain = 0;
    const first = this.#waiting.find((one) => !one.settled && nameOf(one.record) === name);
    if (first !== undefined) {
      const { place, inOrder } = first.record;
      first.record = { ...record, place, inOrder };
      first.settled = true;
      return;
    }
    const at = this.#passed.indexOf(name);
    if (at === -1) this.#waiting.push({ record, untilMs: nowMs, settled: true });
    else this.#passed.splice(at, 1);
  }

  #remember(record: LogRecord): void {
    this.#passed.push(nameOf(record));
    if (this.#passed.length > remembered) this.#passed.shift();
  }
}

/** The text form has whole seconds in one of the two. */
const nameOf = ({ clusterId, procId, number, at }: LogRecord): string =>
  `${clusterId}.${procId} ${number} ${Math.floor(at / 1000)}`;
