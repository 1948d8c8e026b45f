/**
 * Cuts the output of `-json` and `-jsonl` into ads while it arrives, so that memory does not grow with
 * the list. In `-json` each ad runs from a line that is exactly `{` to a line that is exactly `}`; nested
 * objects are indented (docs/grids/htcondor.md). Bytes that are not UTF-8 become U+FFFD.
 */
import type { Ad } from '../../classad/ad.js';
import { parseAds, type ParseAdsOptions } from '../../classad/json.js';
import { GridError } from '../../errors.js';

export type AdFraming = 'json' | 'jsonl';

/** What may come without the end of an ad, before it is taken for something else than ads. */
const unendedBytes = 16 * 1024 * 1024;

/** Ads in the batches in which they arrived. An ad that is not JSON is left out: one bad job never fails a list. */
export async function* adBatches(
  output: AsyncIterable<Buffer>,
  framing: AdFraming,
  options: ParseAdsOptions = {},
): AsyncGenerator<readonly Ad[], void, undefined> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of output) {
    const end = lastBoundary(chunk, framing) || boundaryAtSeam(rest.at(-1), chunk, framing);
    if (end === 0) {
      rest.push(chunk);
      restBytes += chunk.length;
      if (restBytes > unendedBytes) throw noAds();
      continue;
    }
    const batch = textOf([...rest, chunk.subarray(0, end)]);
    rest = end < chunk.length ? [chunk.subarray(end)] : [];
    restBytes = chunk.length - end;
    const ads = parseBatch(batch, framing, options);
    if (ads.length > 0) yield ads;
  }
  const last = parseBatch(textOf(rest), framing, options);
  if (last.length > 0) yield last;
}

/** All ads of a whole output. */
export const adsOf = (
  output: Buffer,
  framing: AdFraming,
  options: ParseAdsOptions = {},
): readonly Ad[] => parseBatch(output.toString('utf8'), framing, options);

const noAds = (): GridError =>
  new GridError(
    'UNAVAILABLE',
    `The pool sent ${unendedBytes} bytes in which no ad ends: what its command prints is not what HTCondor prints.`,
  );

const textOf = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('utf8');

/** Where the last whole ad of the chunk ends: behind its line. */
function lastBoundary(chunk: Buffer, framing: AdFraming): number {
  const boundary = framing === 'json' ? '\n}\n' : '\n';
  const at = chunk.lastIndexOf(boundary, undefined, 'latin1');
  return at === -1 ? 0 : at + boundary.length;
}

/** Where the ad ends whose last line is cut in two: a command that writes line by line may end each chunk within it. */
function boundaryAtSeam(before: Buffer | undefined, chunk: Buffer, framing: AdFraming): number {
  if (framing !== 'json' || before === undefined) return 0;
  const tail = before.subarray(-2);
  const at = Buffer.concat([tail, chunk.subarray(0, 2)]).lastIndexOf('\n}\n', undefined, 'latin1');
  return at === -1 ? 0 : at + 3 - tail.length;
}

function parseBatch(text: string, framing: AdFraming, options: ParseAdsOptions): readonly Ad[] {
  const list = framing === 'json' ? jsonList(text) : jsonlList(text);
  if (list === '') return [];
  try {
    return parseAds(`[${list}]`, options);
  } catch {
    return oneByOne(text, framing, options);
  }
}

/** From the first ad's `{` to the last ad's `}`: the array's own brackets and commas around them fall away. */
function jsonList(text: string): string {
  const start = text.startsWith('{') ? 0 : text.indexOf('\n{') + 1;
  const end = text.lastIndexOf('\n}');
  if (end === -1 || (start === 0 && !text.startsWith('{'))) return '';
  return text.slice(start, end + 2);
}

const jsonlList = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .join(',');

function oneByOne(text: string, framing: AdFraming, options: ParseAdsOptions): readonly Ad[] {
  const pieces = framing === 'jsonl' ? text.split('\n') : (text.match(/^\{$[\s\S]*?^\}$/gm) ?? []);
  return pieces.flatMap((piece) => {
    try {
      return piece.startsWith('{') ? parseAds(`[${piece}]`, options) : [];
    } catch {
      return [];
    }
  });
}
