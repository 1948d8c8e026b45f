import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  deliveryLimits,
  endReasons,
  frameKinds,
  gapReasons,
  type Delivery,
} from '../../src/streams/index.js';

const page = await readFile(new URL('../../docs/streams.md', import.meta.url), 'utf8');

/** The rows of the table whose first column has this heading, cell by cell. */
function table(heading: string): readonly (readonly string[])[] {
  const lines = page.split('\n');
  const cells = lines.map((line) => line.split('|').map((cell) => cell.trim()));
  const from = cells.findIndex((row) => row.length > 1 && row[1] === heading) + 2;
  const rows = cells.slice(from);
  return rows
    .slice(
      0,
      rows.findIndex((row) => row.length === 1),
    )
    .map((row) => row.slice(1, -1));
}

const unquoted = (rows: readonly (readonly string[])[]) =>
  Object.fromEntries(rows.map(([name = '', text]) => [name.replaceAll('`', ''), text]));

describe('docs/streams.md', () => {
  it('tells the frame kinds and reasons as the code does', () => {
    expect(unquoted(table('kind'))).toEqual(frameKinds);
    expect(unquoted(table('`gap.reason`'))).toEqual(gapReasons);
    expect(unquoted(table('`end.reason`'))).toEqual(endReasons);
  });

  it('tells the delivery options, their defaults and limits as the code does', () => {
    const rows = table('option').map((cells) => cells.slice(0, 3));
    const zero = (name: keyof Delivery) => (name === 'heartbeatMs' ? ', or 0 for none' : '');
    expect(rows).toEqual(
      (Object.keys(deliveryLimits) as (keyof Delivery)[]).map((name) => {
        const { default: byDefault, min, max } = deliveryLimits[name];
        return [`\`${name}\``, String(byDefault), `${min} to ${max}${zero(name)}`];
      }),
    );
  });
});
