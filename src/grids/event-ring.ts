/**
 * The newest events of a pool. Where their source can be read again a cursor also says how far that had been
 * read: another server, or a later one, finds the place, or reads what came behind it once more.
 */
import { AppendLog } from '../streams/append-log.js';
import type { EventPlace, JobEventEntry } from './job-logs.js';

const markForm = /^([\w-]{1,64})@(\d{1,15})$/;
const markOf = ({ file, offset }: EventPlace): string => `${file}@${offset}`;

export function placeOf(mark: string): EventPlace | undefined {
  const [, file, offset] = markForm.exec(mark) ?? [];
  return file === undefined ? undefined : { file, offset: Number(offset) };
}

/** Files whose order is known: many times those that a log keeps. */
const maxFiles = 1_000;

interface Origin {
  readonly position: number;
  /** Undefined where the ring began in a file that said nothing yet. */
  readonly place: EventPlace | undefined;
}

export class EventRing extends AppendLog<JobEventEntry> {
  /** Of the source, the oldest first. */
  #files: readonly string[] = [];
  /** Where the ring begins, as long as it has dropped nothing. */
  #origin: Origin | undefined;
  /** Undefined before it was said. */
  #isWhole: boolean | undefined;
  /** Before it the source did not tell all that happened. */
  #wholeFrom = 0;

  constructor(name: string, limit: number) {
    super(name, { limit });
    // What is read again comes before what is told. Nor is 0 the beginning of everything here.
    this.skipTo(limit);
  }

  /** Whether all that happens is told by the source: a place in it says all of what is missing. */
  get isWhole(): boolean {
    return this.#isWhole === true;
  }

  set isWhole(isWhole: boolean) {
    if (isWhole && this.#isWhole === false) {
      this.#wholeFrom = this.end;
      this.#origin = undefined;
    }
    this.#isWhole = isWhole;
  }

  /** Entries that can be put before the others. */
  get room(): number {
    return this.#beginning === undefined ? 0 : this.free;
  }

  /** The source has been read up to here, and nothing is told yet. */
  begin(place: EventPlace | undefined): void {
    this.#origin = { position: this.end, place };
    if (place !== undefined) this.enter(place.file);
  }

  /** What is told from here on is of this file. */
  enter(file: string): void {
    if (this.#files.at(-1) === file || this.#files.includes(file)) return;
    this.#files = [...this.#files, file].slice(-maxFiles);
  }

  /** Puts before all others what came behind a place (undefined: behind some place) in these files. */
  recall(
    place: EventPlace | undefined,
    files: readonly string[],
    entries: readonly JobEventEntry[],
  ): void {
    if (this.#origin?.position !== this.start) return;
    const { start } = this;
    this.prepend(entries);
    this.#files = [...new Set([...files, ...this.#files])];
    const isAll = place !== undefined && start - this.start === entries.length;
    this.#origin = isAll ? { position: this.start, place } : undefined;
  }

  mark(position: number): string | undefined {
    if (!this.isWhole) return undefined;
    for (let at = position - 1; at >= this.#firstWhole; at -= 1) {
      const entry = this.at(at);
      if (entry?.place !== undefined && entry.inOrder) return markOf(entry.place);
    }
    const { place } = this.#beginning ?? {};
    return place && markOf(place);
  }

  find(mark: string): number | undefined {
    const given = placeOf(mark);
    if (given === undefined || !this.isWhole || !this.#files.includes(given.file)) return undefined;
    const origin = this.#beginning;
    const reaches = origin && (origin.place === undefined || this.#covers(given, origin.place));
    let found = reaches ? this.start : undefined;
    for (let at = this.#firstWhole; at < this.end; at += 1) {
      const place = this.at(at)?.place;
      // Entries without a place may be news to who comes with the mark.
      if (place === undefined) continue;
      if (!this.#covers(given, place)) break;
      found = at + 1;
    }
    return found;
  }

  get #firstWhole(): number {
    return Math.max(this.start, this.#wholeFrom);
  }

  get #beginning(): Origin | undefined {
    return this.#origin?.position === this.start ? this.#origin : undefined;
  }

  /** Whether who has read up to `given` has read `place`. */
  #covers(given: EventPlace, place: EventPlace): boolean {
    if (given.file === place.file) return given.offset >= place.offset;
    return this.#files.indexOf(given.file) > this.#files.indexOf(place.file);
  }
}
