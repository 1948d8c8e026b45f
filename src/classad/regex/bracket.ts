/** The bytes between brackets: single ones, ranges, kinds. */
import { escaped, single } from './escape.js';
import { type PatternReader, RegexRefused, RegexWrong } from './reader.js';
import { type ByteSet, bytesWhere, inverse, named } from './tree.js';

/** Reads on from behind the opening bracket, whose set is not inverted yet. */
export function bracket(reader: PatternReader): {
  readonly set: ByteSet;
  readonly negated: boolean;
} {
  // Taken for a kind of which the outer brackets were forgotten.
  if (reader.seesLike(/([:.=])[^\]\\]*\1\]/y)) throw new RegexWrong('a kind outside of brackets');
  const negated = reader.take('^');
  let set = bytesWhere(() => false);
  for (let first = true; first || !reader.sees(']'); first = false) {
    if (reader.take('\\E')) continue;
    if (reader.take('\\Q')) throw new RegexRefused('quoting in brackets');
    const low = item(reader);
    if (!reader.seesLike(/-(?!\])/y)) {
      set = union(set, typeof low === 'number' ? single(low) : low);
      continue;
    }
    reader.next();
    if (reader.sees('\\E') || reader.sees('\\Q')) throw new RegexRefused('quoting in brackets');
    // Where a kind stands beside the hyphen, nothing says what is meant.
    const high = item(reader);
    if (typeof low !== 'number' || typeof high !== 'number' || high < low)
      throw new RegexWrong('a range');
    set = union(
      set,
      bytesWhere((byte) => byte >= low && byte <= high),
    );
  }
  reader.next();
  return { set, negated };
}

function item(reader: PatternReader): number | ByteSet {
  const posix = reader.match(/\[:(\^?)([^\]\\]*):\]/y);
  if (posix !== null) {
    const [, not, name = ''] = posix;
    const known = named[name];
    if (known === undefined) throw new RegexRefused('a named class');
    return not === '^' ? inverse(known) : known;
  }
  if (reader.match(/\[[.=]/y) !== null) throw new RegexRefused('a collating element');
  const char = reader.next();
  return char === '\\' ? escaped(reader, reader.next(), true) : char.charCodeAt(0);
}

const union = (left: ByteSet, right: ByteSet): ByteSet =>
  left.map((has, byte) => has | (right[byte] ?? 0));
