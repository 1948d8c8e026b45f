/** Reads the ads that `condor_submit -dry-run` prints: `Name = value` lines under `** Proc 1.0:`. */
import { Ad } from '../../../classad/ad.js';
import { ClassAdSyntaxError, parseExpression } from '../../../classad/index.js';
import { expressionMark, integerMark } from '../../../classad/marks.js';

export function adsOfDryRun(output: string): readonly Ad[] {
  return output
    .split(/^\*\* Proc \d+\.\d+:[ \t]*$/m)
    .slice(1)
    .map(adOf);
}

function adOf(section: string): Ad {
  const raw: Record<string, unknown> = {};
  // The ad ends with an empty line; differences to the next one follow, in another form.
  for (const line of (section.replace(/^\n/, '').split(/\n[ \t]*\n/)[0] ?? '').split('\n')) {
    const [, name, text] = /^([A-Za-z_]\w*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && text !== undefined) raw[name] = valueOf(text);
  }
  return new Ad(raw);
}

/** As the JSON form of the commands would have it. */
function valueOf(text: string): unknown {
  const asExpression = `${expressionMark}${text})/`;
  try {
    const parsed = parseExpression(text, { syntax: 'old' });
    if (parsed.kind !== 'literal') return asExpression;
    const { value } = parsed;
    if (typeof value === 'bigint') {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : `${integerMark}${value}`;
    }
    return value === null || typeof value !== 'object' ? value : asExpression;
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return asExpression;
    throw error;
  }
}
