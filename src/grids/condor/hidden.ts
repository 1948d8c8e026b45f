/** Which attributes of a pool's ads no client sees: what HTCondor keeps private, and what the operator hides. */

import { readBy } from './derived.js';

/** What HTCondor treats as private: whoever holds a claim id may use the slot. */
const privateNames = [
  'capability',
  'childclaimids',
  'claimid',
  'claimidlist',
  'claimids',
  'pairedclaimid',
  'transferkey',
];
const privatePrefix = '_condor_priv';
/** The schedd rounds some attributes (`ImageSize`), and keeps what they were beside them (`ImageSize_RAW`). */
const exactSuffix = '_raw';

/** Names whose verdict is remembered: the ads of a pool have the same few hundred again and again. */
const maxRemembered = 10_000;

export class HiddenNames {
  readonly #names: ReadonlySet<string>;
  readonly #verdicts = new Map<string, boolean>();
  readonly #word: RegExp;

  /** The private ones are always among them; upper and lower case are the same. */
  constructor(configured: Iterable<string> = []) {
    this.#names = new Set([...privateNames, ...configured].map((name) => name.toLowerCase()));
    const words = [...this.#names].filter((name) => /^\w+$/.test(name));
    this.#word = new RegExp(
      `(?<!\\w)(?:(?:${words.join('|')})(?:${exactSuffix})?|${privatePrefix}\\w*)(?!\\w)`,
      'i',
    );
  }

  has(name: string): boolean {
    const known = this.#verdicts.get(name);
    if (known !== undefined) return known;
    const lower = name.toLowerCase();
    const hidden =
      this.#names.has(lower) ||
      lower.startsWith(privatePrefix) ||
      (lower.endsWith(exactSuffix) && this.#names.has(lower.slice(0, -exactSuffix.length)));
    if (this.#verdicts.size < maxRemembered) this.#verdicts.set(name, hidden);
    return hidden;
  }

  /** The hidden name that the value of an attribute tells: its own, or one that HTCondor computes it from. */
  behind(name: string): string | undefined {
    return [name, ...readBy(name)].find((each) => this.has(each));
  }

  /** Whether the text of an expression names one: literals beside the name may be its value. */
  namedIn(text: string): boolean {
    return this.#word.test(text);
  }
}

/** Hidden on every pool, whatever is configured. */
export const alwaysHidden = new HiddenNames();
