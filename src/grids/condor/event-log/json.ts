/** The JSON form of event logs: one pretty-printed object a record. */
import { parseRawAd } from '../../../classad/json.js';
import type { RawRecord } from './record.js';

/** Where a writer broke off in the middle, the last object that begins in the text is the record. */
export function jsonRecord(text: string): RawRecord | undefined {
  const whole = parsed(text);
  if (whole !== undefined) return whole;
  for (let at = text.lastIndexOf('{\n'); at > 0; at = text.lastIndexOf('{\n', at - 1)) {
    // `"ToE": {` opens an object inside.
    if (text.slice(at - 2, at) === ': ') continue;
    return parsed(text.slice(at));
  }
  return undefined;
}

function parsed(text: string): RawRecord | undefined {
  try {
    return parseRawAd(text);
  } catch {
    return undefined;
  }
}
