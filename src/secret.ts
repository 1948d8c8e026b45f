/** What is a secret, by its name, wherever a configuration is shown; and texts without those in them. */

const names =
  'passw(?:or)?d|passphrase|secret|token|credential|api[_-]?(?:gateway[_-]?)?key|gateway[_-]?key';

const secretName = new RegExp(names, 'i');
const assignment = new RegExp(
  `([\\w.-]*(?:${names})[\\w.-]*=)("[^"]*"|'[^']*'|[^\\s"'&;|]+)`,
  'gi',
);
const option = new RegExp(`(?<!\\S)(--?[\\w-]*(?:${names})[\\w-]*\\s+)(\\S+)`, 'gi');
/** A header or an entry of JSON; what stands before a colon in a path is no name. */
const entry = new RegExp(
  `(?<![\\w/.-])((?:(?:proxy-)?authorization|(?:set-)?cookie|[\\w-]*(?:${names})[\\w-]*)["']?\\s*:\\s*["']?)[^"'\\r\\n]+`,
  'gi',
);

/** Whether a name (of a setting, a variable, an option) says that its value is a secret. */
export const isSecretName = (name: string): boolean => secretName.test(name);

/** Masks what looks like a secret: `NAME=secret`, `--password secret`, `Authorization: secret`, `//user:secret@host`. */
export const shownText = (text: string): string =>
  text
    .replace(/\/\/(?:[^/\s]+|[^/:\s]*:[^\s"']{1,256})@/g, '//***@')
    .replace(entry, '$1***')
    .replace(assignment, '$1***')
    .replace(option, '$1***');

/** The same for the words of a command, where a secret may have spaces, or stand in a word of its own. */
export const shownWords = (words: readonly string[]): readonly string[] =>
  words.map((word, index) => {
    const name = /^[\w.-]+(?==)/.exec(word)?.[0];
    if (name !== undefined && isSecretName(name)) return `${name}=***`;
    const before = words[index - 1] ?? '';
    return /^--?[\w-]+$/.test(before) && isSecretName(before) ? '***' : shownText(word);
  });
