/** Reals in the forms HTCondor prints them, which are C's `%E` and `%G`. */

/** As `%.*E`. */
export function formatE(real: number, fraction: number): string {
  const { mantissa, exponent } = rounded(real, fraction);
  return `${mantissa}E${exponentText(exponent)}`;
}

/** As `%.*G`. */
export function formatG(real: number, digits: number): string {
  const { mantissa, exponent } = rounded(real, digits - 1);
  if (exponent < -4 || exponent >= digits) {
    return `${withoutZeros(mantissa)}E${exponentText(exponent)}`;
  }
  const sign = mantissa.startsWith('-') ? '-' : '';
  const all = mantissa.replace(/[-.]/g, '');
  const shifted =
    exponent < 0
      ? `0.${'0'.repeat(-exponent - 1)}${all}`
      : `${all.slice(0, exponent + 1)}.${all.slice(exponent + 1)}`;
  return sign + withoutZeros(shifted);
}

/** More digits than any tie between two decimals has. */
const manyDigits = 60;

/** C rounds a tie to the even digit, JavaScript to the larger. */
function rounded(real: number, fraction: number): { mantissa: string; exponent: number } {
  const text = real.toExponential(fraction);
  const exact = real.toExponential(manyDigits);
  const cut = exact.indexOf('.') + 1 + fraction;
  const isTie = /^50*$/.test(exact.slice(cut, exact.indexOf('e')));
  const isEven = '02468'.includes(exact.charAt(fraction === 0 ? cut - 2 : cut - 1));
  const [mantissa = '', exponent = ''] = text.split('e');
  return isTie && isEven
    ? { mantissa: exact.slice(0, cut), exponent: Number(exact.slice(exact.indexOf('e') + 1)) }
    : { mantissa, exponent: Number(exponent) };
}

/** At least two digits. */
const exponentText = (exponent: number): string =>
  `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;

const withoutZeros = (text: string): string =>
  text.includes('.') ? text.replace(/\.?0*$/, '') : text;

/** What HTCondor writes for a real that is no finite number: a call that makes it. */
function special(real: number): string | null {
  if (Number.isNaN(real)) return 'real("NaN")';
  if (!Number.isFinite(real)) return real > 0 ? 'real("INF")' : 'real("-INF")';
  if (real === 0) return Object.is(real, -0) ? '-0.0' : '0.0';
  return null;
}

/** As in the new syntax: `1.500000000000000E+00`. It may lose the last digit; `exact` keeps it. */
export function newRealText(real: number, exact: boolean): string {
  const short = special(real) ?? formatE(real, 15);
  return exact && Number(short) !== real && Number.isFinite(real) ? formatE(real, 16) : short;
}

/** As in the old syntax and in JSON: `1.5`. */
export function oldRealText(real: number, exact: boolean): string {
  const short = special(real) ?? withPoint(formatG(real, 16));
  return exact && Number(short) !== real && Number.isFinite(real)
    ? withPoint(formatG(real, 17))
    : short;
}

const withPoint = (text: string): string => (/[.E]/.test(text) ? text : `${text}.0`);
