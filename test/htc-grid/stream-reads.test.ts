/** What a stream of completions reads from the table: rows only where something of them is shown. */
import { expect, it } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { embeddedGrid, openGraph } from '../graph/open-graph.js';
import { live, plain } from './support.js';

interface Frame {
  readonly taskCompleted: { readonly kind: string; readonly tasks: readonly object[] };
}

it.each([
  ['id nativeId state terminal index session { nativeId } output { json }', false],
  ['id attempts', true],
])('a stream of { %s } reads rows: %s', async (fields, reads) => {
  const calls: Call[] = [];
  const grid = await embeddedGrid({ run: (task) => task, onCall: (call) => calls.push(call) });
  const graph = await openGraph([grid]);
  try {
    const { session } = await grid.submit(plain([1, 2, 3]), live());
    const stream = await graph.follow<Frame, object>(
      `subscription ($session: ID!) { taskCompleted(sessions: [$session], start: { snapshot: true }) {
        kind tasks { ${fields} } } }`,
      { session: session?.id },
    );
    if (!('next' in stream)) throw new Error(JSON.stringify(stream.errors));
    const tasks: object[] = [];
    for await (const { data, errors } of stream) {
      expect(errors).toEqual([]);
      tasks.push(...(data?.taskCompleted.tasks ?? []));
    }
    expect(tasks).toHaveLength(3);
    if (!reads) {
      const states = tasks.map((task) => (task as { readonly state: string }).state);
      expect(states).toEqual(Array(3).fill('SUCCEEDED'));
    }
    // Reads tell what they cost; describing the table, once as it is opened, costs nothing.
    expect(calls.some(({ units }) => units !== undefined)).toBe(reads);
  } finally {
    await graph.stop();
  }
});
