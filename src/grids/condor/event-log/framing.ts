/**
 * Cuts the bytes of an event log into records while they arrive. Each record says by its first byte in
 * which form it is: after a reconfiguration old and new writers append to one file in different forms.
 */

/** A record that is longer is no record: it is skipped up to where another can begin. */
const maxRecordBytes = 1024 * 1024;

type Form = 'json' | 'xml' | 'text';

const ends: Readonly<Record<Form, string>> = {
  json: '\n}\n',
  xml: '\n</c>\n',
  text: '\n...\n',
};

export class RecordCutter {
  #rest: Buffer = Buffer.alloc(0);
  /** Up to here the end of the record at hand was looked for. */
  #searched = 0;

  /** Bytes of a record that wait for its end. */
  get waitingBytes(): number {
    return this.#rest.length;
  }

  /** The records that end in these bytes, as text, each without the line break behind it. */
  push(chunk: Buffer): readonly string[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const records: string[] = [];
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
      const from = Math.max(at, at + this.#searched - end.length);
      const found = bytes.indexOf(end, from, 'latin1');
      if (found === -1) {
        this.#searched = bytes.length - at;
        break;
      }
      const next = found + end.length;
      if (next - at <= maxRecordBytes) records.push(bytes.toString('utf8', at, next - 1));
      at = next;
      this.#searched = 0;
    }
    this.#rest = bytes.subarray(at);
    if (this.#rest.length > maxRecordBytes) this.reset();
    return records;
  }

  /** Forgets what waits: the file it belongs to is over. */
  reset(): void {
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
