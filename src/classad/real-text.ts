/** Reals in the forms HTCondor prints them, which are C's `%E` and `%G`. */

/** As `%.*E`. */
export function formatE(real: number, fraction: number): string {
  return withExponent(real.toExponential(fraction)).toUpperCase();
}

/** As `%.*g`. */
export function formatG(real: number, digits: number): string {
  const scientific = real.toExponential(digits - 1);
  const exponent = Number(scientific.slice(scientific.indexOf('e') + 1));
  if (exponent < -4 || exponent >= digits) {
    const [mantissa = '', power = ''] = scientific.split('e');
    return withExponent(`${withoutZeros(mantissa)}e${power}`);
  }
  return withoutZeros(real.toFixed(Math.max(0, digits - 1 - exponent)));
}

/** At least two digits of exponent. */
const withExponent = (text: string): string =>
  text.replace(/e([+-])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`);

const withoutZeros = (text: string): string =>
  text.includes('.') ? text.replace(/\.?0+$/, '') : text;

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
  const short = special(real) ?? withPoint(formatG(real, 16).toUpperCase());
  return exact && Number(short) !== real && Number.isFinite(real)
    ? withPoint(formatG(real, 17).toUpperCase())
    : short;
}

const withPoint = (text: string): string => (/[.E]/.test(text) ? text : `${text}.0`);
