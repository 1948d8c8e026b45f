/** The words of a job's command line and environment, from the texts that its ad holds. */

/** `Arguments`: words between blanks; in single quotes blanks belong to a word, and '' is a quote. */
export function splitArguments(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const letter = text[i] ?? '';
    if (letter === "'") {
      if (quoted && text[i + 1] === "'") {
        word = `${word ?? ''}'`;
        i += 1;
      } else {
        quoted = !quoted;
        word ??= '';
      }
    } else if (!quoted && /\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = `${word ?? ''}${letter}`;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** `Args`, the older form: no quotes at all. */
export const splitArgs = (text: string): readonly string[] =>
  text.split(/\s+/).filter((word) => word !== '');

/** `Environment`: NAME=value words, quoted like arguments. */
export function splitEnvironment(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    splitArguments(text).flatMap((word) => {
      const at = word.indexOf('=');
      return at < 1 ? [] : [[word.slice(0, at), word.slice(at + 1)]];
    }),
  );
}

/** The text that `splitArguments` splits into these words. */
export const joinWords = (words: readonly string[]): string =>
  words
    .map((word) => (word === '' || /[\s']/.test(word) ? `'${word.replaceAll("'", "''")}'` : word))
    .join(' ');
