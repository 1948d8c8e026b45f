/** The bytes between brackets: single ones, ranges, kinds. */
import { escaped } from './escape.js';
import { type PatternReader, RegexRefused, RegexWrong } from './reader.js';
import { type ByteSet, bytesWhere, inverse, named } from './tree.js';

/** Reads on from behind the opening bracket, whose set is not inverted yet. */
export function bracket(reader: PatternReader): {
  readonly set: ByteSet;
  readonly negated: boolean;
} {
  // Taken for a kind of which the outer brackets were forgotten.
  if (reader.seesLike(kind)) throw new RegexWrong('a kind outside of brackets');
  if (reader.seesLike(/\[:[<>]:\]\]/y)) throw new RegexRefused('the edge of a word');
  const negated = reader.take('^');
  const set = bytesWhere(() => false);
  while (reader.take('\\E'));
  for (let first = true; first || !reader.sees(']'); first = false) {
    if (reader.take('\\E')) continue;
    if (reader.take('\\Q')) throw new RegexRefused('quoting in brackets');
    const low = item(reader);
    if (!reader.seesLike(/-(?!\])/y)) {
      if (typeof low === 'number') set[low] = 1;
      else {
        for (let byte = 0; byte < 256; byte += 1) if (low[byte] === 1) set[byte] = 1;
      }
      continue;
    }
    reader.next();
    if (reader.sees('\\E') || reader.sees('\\Q')) throw new RegexRefused('quoting in brackets');
    // Where a kind stands beside the hyphen, nothing says what is meant.
    const high = item(reader);
    if (typeof low !== 'number' || typeof high !== 'number' || high < low)
      throw new RegexWrong('a range');
    set.fill(1, low, high + 1);
  }
  reader.next();
  return { set, negated };
}

/** A kind, behind its first bracket. It has no beginning of another one in it, so a pattern of many beginnings is read once. */
const kind = /([:.=])((?:\\[\]\\]|(?!\\[\]\\]|\[\1|\1\]|\])[^])*)\1\]/y;

function item(reader: PatternReader): number | ByteSet {
  const char = reader.next();
  if (char === '\\') return escaped(reader, reader.next(), true);
  const [, sort, text = ''] = (char === '[' && reader.match(kind)) || [];
  if (sort === undefined) return char.charCodeAt(0);
  const name = text.replace(/^\^/, '');
  const known = Object.hasOwn(named, name) ? named[name] : undefined;
  if (sort !== ':' || known === undefined) throw new RegexWrong('a kind');
  return name === text ? known : inverse(known);
}
