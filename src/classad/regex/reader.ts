/** The text of a pattern, with a code unit for each byte, and how far it is read. */

/** A pattern that is right, but not matched here. */
export class RegexRefused extends Error {
  override readonly name = 'RegexRefused';
}

/** A pattern that PCRE2 refuses as well. */
export class RegexWrong extends Error {
  override readonly name = 'RegexWrong';
}

export class PatternReader {
  private at = 0;

  constructor(private readonly pattern: string) {}

  atEnd(): boolean {
    return this.at >= this.pattern.length;
  }

  next(): string {
    if (this.atEnd()) throw new RegexWrong('the pattern breaks off');
    this.at += 1;
    return this.pattern.charAt(this.at - 1);
  }

  sees(text: string): boolean {
    return this.pattern.startsWith(text, this.at);
  }

  take(text: string): boolean {
    const found = this.sees(text);
    if (found) this.at += text.length;
    return found;
  }

  /** Whether what comes looks like this, without reading it. */
  seesLike(sticky: RegExp): boolean {
    sticky.lastIndex = this.at;
    return sticky.test(this.pattern);
  }

  match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.pattern);
    this.at += found?.[0].length ?? 0;
    return found;
  }

  /** The text before the end mark, which is read as well; all that is left where there is none. */
  until(end: string): { readonly text: string; readonly isEnded: boolean } {
    const found = this.pattern.indexOf(end, this.at);
    const text = this.pattern.slice(this.at, found === -1 ? undefined : found);
    this.at = found === -1 ? this.pattern.length : found + end.length;
    return { text, isEnded: found !== -1 };
  }
}
