/** The text that condor_submit reads: written from checked commands alone, with a queue statement of our own. */
import { InputError } from '../../action.js';
import type { PlannedSubmission } from './plan.js';

/** Names of variables in a queue statement are letters only: others make it invalid (docs/grids/htcondor.md, "Acting"). */
const itemVariable = 'htcgraphitem';
const valueVariable = 'htcgraphvalue';

/** `extra` are attributes of ours: names without `+`, values as expressions. */
export function submitText(
  { items, count }: PlannedSubmission,
  extra: Readonly<Record<string, string>> = {},
): string {
  const names = [...new Set(items.flatMap((item) => [...item.keys()]))];
  const first = items[0] ?? new Map<string, string>();
  const same = names.filter((name) => items.every((item) => item.get(name) === first.get(name)));
  const varying = names.filter((name) => !same.includes(name));
  for (const name of varying) everywhere(name, items);
  const lines = [
    ...same.map((name) => `${written(name)} = ${first.get(name) ?? ''}`),
    ...Object.entries(extra).map(([name, value]) => `MY.${name} = ${value}`),
  ];
  const [only] = varying;
  if (items.length === 1) return text([...lines, `queue ${count}`]);
  if (only === undefined) return text([...lines, `queue ${count * items.length}`]);
  const values = items.map((item) => item.get(only) ?? '');
  // The last variable of a row is the rest of its line, as it is; a comma before it would be lost.
  if (varying.length === 1 && !values.some((value) => value.startsWith(','))) {
    return text([
      ...lines,
      `${written(only)} = $(${valueVariable})`,
      `queue ${count} ${itemVariable},${valueVariable} from (`,
      ...values.map((value, i) => `${i} ${value}`),
      ')',
    ]);
  }
  const variable = (column: number, row: string): string => `${valueVariable}${column}x${row}`;
  return text([
    ...lines,
    ...varying.flatMap((name, column) =>
      items.map((item, i) => `${variable(column, String(i))} = ${item.get(name) ?? ''}`),
    ),
    ...varying.map(
      (name, column) => `${written(name)} = $(${variable(column, `$(${itemVariable})`)})`,
    ),
    `queue ${count} ${itemVariable} from (`,
    ...items.map((_item, i) => String(i)),
    ')',
  ]);
}

const written = (name: string): string => (name.startsWith('+') ? `MY.${name.slice(1)}` : name);

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** An empty command of a later job would be that of the first: HTCondor keeps only differences. */
function everywhere(name: string, items: PlannedSubmission['items']): void {
  const missing = items.findIndex((item) => !item.has(name));
  if (missing === -1) return;
  throw new InputError(
    'BAD_USER_INPUT',
    `items[${missing}] leaves ${name} empty while others do not: it has to have a value in all items or in none.`,
    ['items', String(missing)],
  );
}
