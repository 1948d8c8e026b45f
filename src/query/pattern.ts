/** Which regular expressions a client may have matched against every row: those that can't run away. */

const maxLength = 256;
/** Each unbounded repeat may cost a further pass over the text. */
const maxRepeats = 3;
const maxOptionals = 8;
const maxChoices = 20;
const maxGroupsWithChoices = 3;
/** A repeat of at most so many times counts as so many optional parts. */
const smallRepeat = 4;

/** Why the pattern is refused; null where it may be used. */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > maxLength) return `it is longer than ${maxLength} characters`;
  const groups: Group[] = [{ repeats: false, chooses: false }];
  let repeats = 0;
  let optionals = 0;
  let choices = 0;
  let groupsWithChoices = 0;
  let last: Group | null = null;
  /** The tokens of the repeat at hand: a sign that it is lazy may follow it, another repeat may not. */
  let repeat = 0;
  for (const token of pattern.match(tokens) ?? []) {
    const group = groups.at(-1);
    if (group === undefined) return 'a parenthesis closes that was not opened';
    const closed = last;
    last = null;
    const repeated = repeat;
    repeat = 0;
    if (/^\\[1-9gk]/.test(token)) return 'it refers back to a group';
    if (/^\\[QE]/.test(token)) return 'it quotes with \\Q: escape each character';
    if (token.startsWith('(*')) return 'it begins with an order to the engine, "(*"';
    if (token.startsWith('(?') && token !== '(?:')
      return 'of the groups "(?…" it may use "(?:" only';
    if (token.startsWith('(')) groups.push({ repeats: false, chooses: false });
    else if (token === ')') {
      groups.pop();
      last = group;
      if (group.chooses) groupsWithChoices += 1;
      const around = groups.at(-1);
      if (around !== undefined && group.repeats) around.repeats = true;
      if (around !== undefined && group.chooses) around.chooses = true;
    } else if (token === '|') {
      group.chooses = true;
      choices += 1;
    } else if (/^[*+?{]/.test(token) && token !== '{') {
      repeat = repeated + 1;
      if (repeated === 1 && token === '?') continue;
      if (repeated > 0) return 'it repeats what repeats itself';
      group.repeats = true;
      if (closed && (closed.repeats || closed.chooses) && !token.startsWith('?')) {
        return 'it repeats a group that repeats or chooses itself';
      }
      const most = timesOf(token);
      if (most > smallRepeat) repeats += 1;
      else optionals += most;
    }
  }
  if (groups.length !== 1) return 'a parenthesis is not closed';
  if (repeats > maxRepeats) return `it has more than ${maxRepeats} parts that repeat`;
  if (optionals > maxOptionals) return `it has more than ${maxOptionals} optional parts`;
  if (choices > maxChoices || groupsWithChoices > maxGroupsWithChoices)
    return 'it has too many alternatives';
  return null;
}

interface Group {
  repeats: boolean;
  chooses: boolean;
}

/** Escapes, classes, the openings of groups, repeats, and every other character by itself. */
const tokens =
  /\\[\s\S]?|\[\^?\]?(?:\\[\s\S]|\[[:.=][^\]]*[:.=]\]|[^\]\\])*\]|\(\?[:<=!>P#|&a-z+-]*|\(\*|\{(?=[ ,]*\d)[ ,\d]*\}|[\s\S]/g;

/** How often a part may be there beyond what it must. */
function timesOf(repeat: string): number {
  if (repeat === '?') return 1;
  const [, from, comma, to] = /^\{(\d+)(,)?(\d*)\}$/.exec(repeat) ?? [];
  if (from === undefined) return Infinity;
  if (comma === undefined) return Number(from) > smallRepeat ? Infinity : 1;
  return to === '' ? Infinity : Math.max(1, Number(to) - Number(from));
}
