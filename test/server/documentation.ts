/** Tables of the documentation, as rows of cells. */

/** The rows whose first cell matches. */
export const tableRows = (markdown: string, first: RegExp): string[][] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell]) => first.test(cell ?? ''));
