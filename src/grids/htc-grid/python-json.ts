/** JSON text as Python's `json.dumps` writes it: a blank after `,` and `:`, nothing beyond ASCII. */
export function pythonJson(value: unknown): string {
  // With an indent every structural line break is followed by blanks; inside of texts breaks are escaped.
  return JSON.stringify(value, null, 1)
    .replace(/(,?)\n */g, (_break, comma: string) => (comma === '' ? '' : ', '))
    .replace(
      /[\u007f-\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}
