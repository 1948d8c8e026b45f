/** The order of versions: digits compare as numbers, the rest as bytes (glibc's `strverscmp`). */

/** Below, at or above 0, of the size that HTCondor's `versioncmp()` shows. */
export function compareVersions(left: string, right: string): number {
  const [one, two] = [Buffer.from(left), Buffer.from(right)];
  let at = 0;
  while (at < one.length && one[at] === two[at]) at += 1;
  if (at === one.length && at === two.length) return 0;
  const mismatch = signed(one[at]) - signed(two[at]);
  let start = at;
  while (start > 0 && isDigit(one[start - 1])) start -= 1;
  if (start === at && !(isDigit(one[at]) && isDigit(two[at]))) return mismatch;
  const [zeros, others] = [leadingZeros(one, start), leadingZeros(two, start)];
  if (zeros !== others) return others - zeros;
  if (zeros > 0) return mismatch;
  const [digits, most] = [digitsFrom(one, start), digitsFrom(two, start)];
  return digits === most ? mismatch : digits - most;
}

/** The last of nothing but zeros is no leading one. */
function leadingZeros(bytes: Buffer, start: number): number {
  let end = start;
  while (bytes[end] === 48) end += 1;
  if (end > start && !isDigit(bytes[end])) end -= 1;
  return end - start;
}

function digitsFrom(bytes: Buffer, start: number): number {
  let end = start;
  while (isDigit(bytes[end])) end += 1;
  return end - start;
}

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 48 && byte <= 57;

/** C compares signed characters, and ends a string with a 0. */
const signed = (byte = 0): number => (byte > 127 ? byte - 256 : byte);
