/** Lines that a task prints: cut where they are long, so that none has to be kept whole. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

const maxChars = 4096;

export function readLines(stream: Readable | null, onLine: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let line = '';
  const add = (text: string) => {
    if (line.length < maxChars) line += text.slice(0, maxChars - line.length);
  };
  const end = () => {
    if (line !== '') onLine(line);
    line = '';
  };
  stream?.on('data', (chunk: Buffer) => {
    const [first = '', ...rest] = decoder.write(chunk).split('\n');
    add(first);
    for (const next of rest) {
      end();
      add(next);
    }
  });
  stream?.on('end', end);
  // A pipe that breaks has nothing more to say.
  stream?.on('error', () => undefined);
}
