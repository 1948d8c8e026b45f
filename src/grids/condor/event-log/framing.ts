/**
 * Cuts the bytes of an event log into records while they arrive. Each record says by its first byte in
 * which form it is: after a reconfiguration old and new writers append to one file in different forms.
 */

/** A record that is longer is no record: it is skipped up to where another can begin. */
const maxRecordBytes = 1024 * 1024;
/** Read before the place where reading begins within a file, so that what is under way there is seen whole. */
export const lookBackBytes = 64 * 1024;

type Form = 'json' | 'xml' | 'text';

const ends: Readonly<Record<Form, string>> = {
  json: '\n}\n',
  xml: '\n</c>\n',
  text: '\n...\n',
};

/** Within a record no line begins so: the writer broke off in the middle, and others write in another form since. */
const othersBegin: Readonly<Record<Form, RegExp>> = {
  json: /\n(?=<c>\n|\d{3} \()/,
  xml: /\n(?=\{\n|\d{3} \()/,
  text: /\n(?=\{\n|<c>\n)/,
};
/** No shorter than what is looked for: it may have been cut in two. */
const seamBytes = 8;

export interface CutRecord {
  readonly text: string;
  /** Where it ends in the file. */
  readonly end: number;
}

export class RecordCutter {
  /** Of the first byte of the rest. */
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);
  /** Up to here the end of the record at hand was looked for. */
  #searched = 0;

  constructor(offset = 0) {
    this.#offset = offset;
  }

  /** Where what waits for its end begins in the file. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes of a record that wait for its end. */
  get waitingBytes(): number {
    return this.#rest.length;
  }

  /** The records that end in these bytes, each without the line break behind it. */
  push(chunk: Buffer): readonly CutRecord[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const records: CutRecord[] = [];
    let at = 0;
    for (;;) {
      at = skipBlank(bytes, at);
      const form = formOf(bytes, at);
      if (form === undefined) {
        // A line that begins no record: a header of XML, or the end of a torn record.
        const line = at < bytes.length ? bytes.indexOf(0x0a, at) : -1;
        if (line === -1) break;
        at = line + 1;
        this.#searched = 0;
        continue;
      }
      const end = ends[form];
      const from = Math.max(at, at + this.#searched - seamBytes);
      const found = bytes.indexOf(end, from, 'latin1');
      const searched = bytes.toString('latin1', from, found === -1 ? bytes.length : found);
      const torn = othersBegin[form].exec(searched);
      if (torn !== null) {
        at = from + torn.index;
        this.#searched = 0;
        continue;
      }
      if (found === -1) {
        this.#searched = bytes.length - at;
        break;
      }
      const next = found + end.length;
      if (next - at <= maxRecordBytes) {
        records.push({ text: bytes.toString('utf8', at, next - 1), end: this.#offset + next });
      }
      at = next;
      this.#searched = 0;
    }
    this.#offset += at;
    this.#rest = bytes.subarray(at);
    if (this.#rest.length > maxRecordBytes) this.reset(this.#offset + this.#rest.length);
    return records;
  }

  /** Forgets what waits, and goes on at this offset. */
  reset(offset: number): void {
    this.#offset = offset;
    this.#rest = Buffer.alloc(0);
    this.#searched = 0;
  }
}

function skipBlank(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] as number) <= 0x20) at += 1;
  return at;
}

/** Undefined where no record begins, or where too few bytes are there to tell. */
function formOf(bytes: Buffer, at: number): Form | undefined {
  const head = bytes.toString('latin1', at, at + 5);
  if (head.startsWith('{')) return 'json';
  if (/^<c[>\s]/.test(head)) return 'xml';
  return /^\d{3} \(/.test(head) ? 'text' : undefined;
}
