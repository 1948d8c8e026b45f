/**
 * Puts values in the place of `$(name)`. All of it is done here, so that what is checked afterwards is
 * what HTCondor gets: only the numbers it gives itself (`$(ProcId)`, `$(ClusterId)`, `$(Step)`) are left.
 */
import { refused, type Source } from './source.js';

/** What a name stands for: text that may name others, or undefined where nothing is called so. */
export type Lookup = (name: string) => string | undefined;

const valueLimitBytes = 32 * 1024;
const maxDepth = 30;

/** Numbers that exist only when the jobs are queued. */
const given: Readonly<Record<string, string>> = {
  process: '$(ProcId)',
  procid: '$(ProcId)',
  cluster: '$(ClusterId)',
  clusterid: '$(ClusterId)',
  step: '$(Step)',
};

export const isGiven = (name: string): boolean => Object.hasOwn(given, name.toLowerCase());

/** `$$(…)`, `$(…)` and `$NAME(…)`; anything else with a dollar is text. */
const reference = /\$(?:\$\(([^()]*)\)|\$\(|([A-Za-z_]*)\(([^()]*)\)|[A-Za-z_]*\()/g;

/** Every name that `$(name)` refers to in a text. */
export function namesIn(text: string): readonly string[] {
  return [...text.matchAll(reference)].flatMap(([, , word, inside]) =>
    word === '' && inside !== undefined ? [nameIn(inside)] : [],
  );
}

const nameIn = (inside: string): string => (inside.split(':')[0] ?? '').trim();

export class Macros {
  readonly #known = new Map<string, string>();
  readonly #open = new Set<string>();

  constructor(private readonly lookup: Lookup) {}

  /** The text with every name replaced; what HTCondor would do more than that with is refused. */
  expand(text: string, source: Source): string {
    const expanded = this.#expand(text, source);
    checkLeft(expanded, source);
    return expanded;
  }

  #expand(text: string, source: Source): string {
    let bytes = Buffer.byteLength(text);
    checkLength(bytes, source);
    if (!text.includes('$')) return text;
    const expanded = text.replaceAll(
      reference,
      (
        whole,
        atMatch: string | undefined,
        word: string | undefined,
        inside: string | undefined,
      ) => {
        if (atMatch !== undefined && matchMacro.test(atMatch)) return whole;
        if (word !== '' || inside === undefined)
          throw refused('FORBIDDEN', source, functionOf(whole));
        const value = this.#value(inside, source);
        // While it grows: a text of a thousand references to a long one is never made.
        bytes += Buffer.byteLength(value);
        checkLength(bytes, source);
        return value;
      },
    );
    return expanded;
  }

  #value(inside: string, source: Source): string {
    const name = nameIn(inside);
    const key = name.toLowerCase();
    if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) {
      throw refused('FORBIDDEN', source, `refers to ${JSON.stringify(name)}: that is no name.`);
    }
    const own = given[key];
    if (own !== undefined && isGiven(key)) return own;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = this.lookup(key);
    if (value === undefined) {
      const at = inside.indexOf(':');
      if (at !== -1) return this.#expand(inside.slice(at + 1), source);
      throw refused('BAD_USER_INPUT', source, `refers to $(${name}), which nothing here defines.`);
    }
    if (this.#open.has(key) || this.#open.size >= maxDepth) {
      throw refused('BAD_USER_INPUT', source, `refers to $(${name}) in a circle, or too deeply.`);
    }
    this.#open.add(key);
    const expanded = this.#expand(value, source);
    this.#open.delete(key);
    this.#known.set(key, expanded);
    return expanded;
  }
}

function checkLength(bytes: number, source: Source): void {
  if (bytes <= valueLimitBytes) return;
  throw refused('LIMIT_EXCEEDED', source, `is longer than ${valueLimitBytes} bytes.`);
}

/** Filled in from the machine's ad when the job is matched: the schedd's doing, with what everybody may see. */
const matchMacro = /^[A-Za-z_][A-Za-z0-9_.]*(:[^$()]*)?$/;

/** Parts that are harmless each can make a reference together: the whole is looked at once more. */
function checkLeft(text: string, source: Source): void {
  if (!text.includes('$')) return;
  // HTCondor reads dollars in pairs, from the left: $$$(SPOOL) is $$ and a setting of its own.
  const odd = /\${3,}\w*\(/.exec(text)?.[0];
  if (odd !== undefined) throw refused('FORBIDDEN', source, functionOf(odd));
  const rest = text
    .replaceAll(/\$\$\(([A-Za-z_][A-Za-z0-9_.]*(?::[^$()]*)?)\)/g, '\u0001')
    .replaceAll(/\$\((?:ProcId|ClusterId|Step)\)/g, '\u0001');
  const left = /\$[A-Za-z_]*\(/.exec(rest)?.[0];
  if (left !== undefined) throw refused('FORBIDDEN', source, functionOf(left));
}

function functionOf(text: string): string {
  const name = /^\$+[A-Za-z_]*/.exec(text)?.[0] ?? '$';
  return /^\$ENV/i.test(name)
    ? 'uses $ENV(…): the environment of the server is not for jobs.'
    : `uses ${name}(…): only $(name) of what is defined here, $(ProcId), $(ClusterId), $(Step) and $$(Attribute) are taken.`;
}
