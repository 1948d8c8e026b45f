/** A graph over an embedded grid that runs one large session when it is asked to. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { Started } from '../child.js';
import { Graph } from '../graph.js';
import { timed } from '../measure.js';

export interface SessionRun {
  readonly submitMs: number;
  /** From the submission to the END of the stream. */
  readonly followMs: number;
  readonly pageMs: number;
  readonly groupMs: number;
  readonly pagesMs: number;
  readonly longestBlockMs: number;
}

/** In worker processes, as the program runs them. */
const echo = fileURLToPath(new URL('./echo-task.ts', import.meta.url));

export async function start({ tasks }: { readonly tasks: number }): Promise<Started> {
  const grid = await openEmbedded({ name: 'local', handler: echo });
  const graph = await Graph.over(grid);
  return {
    url: '',
    answers: { run: () => run(graph, tasks) },
    async stop() {
      graph.close();
      await grid.stop();
    },
  };
}

const submission = /* GraphQL */ `
  mutation ($payloads: [JSON!]!) {
    submitTasks(input: { payloads: $payloads }) {
      session {
        id
      }
      streamCursor
      userErrors {
        message
      }
    }
  }
`;
const completions = /* GraphQL */ `
  subscription ($session: ID!, $after: StreamCursor) {
    taskCompleted(sessions: [$session], start: { after: $after }) {
      kind
      tasks {
        nativeId
        state
      }
    }
  }
`;
const page = /* GraphQL */ `
  query ($session: ID!, $first: Int!, $after: String) {
    tasks(filter: { sessions: [$session] }, first: $first, after: $after) {
      nodes {
        id
        state
        attempts
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;
const byState = /* GraphQL */ `
  query ($session: ID!) {
    tasks(filter: { sessions: [$session] }) {
      groups(by: [{ field: STATE }]) {
        nodes {
          count
        }
      }
    }
  }
`;

interface Submitted {
  readonly submitTasks: {
    readonly session: { readonly id: string } | null;
    readonly streamCursor: string | null;
    readonly userErrors: readonly object[];
  };
}
interface Page {
  readonly tasks: {
    readonly nodes: readonly object[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}
interface Frame {
  readonly taskCompleted: {
    readonly kind: string;
    readonly tasks: readonly { readonly nativeId: string }[];
  };
}

async function run(graph: Graph, tasks: number): Promise<SessionRun> {
  const blocks = monitorEventLoopDelay({ resolution: 5 });
  blocks.enable();
  const payloads = Array.from({ length: tasks }, (_, i) => ({ n: i }));
  const started = performance.now();
  const { submitTasks } = await graph.ask<Submitted>(submission, { payloads });
  const submitMs = performance.now() - started;
  const session = submitTasks.session?.id;
  if (session === undefined) throw new Error(JSON.stringify(submitTasks.userErrors));

  let midway: Promise<{ pageMs: number; groupMs: number }> | undefined;
  const seen = new Set<string>();
  for await (const { taskCompleted: frame } of graph.follow<Frame>(completions, {
    session,
    after: submitTasks.streamCursor,
  })) {
    for (const { nativeId } of frame.tasks) seen.add(nativeId);
    if (seen.size > tasks / 2) midway ??= askMidway(graph, session);
    if (frame.kind === 'END') break;
  }
  const followMs = performance.now() - started;
  if (seen.size !== tasks) throw new Error(`The stream told of ${seen.size} tasks of ${tasks}.`);
  const { pageMs, groupMs } = (await midway) ?? { pageMs: NaN, groupMs: NaN };
  const pagesMs = await timed(() => allPages(graph, session, tasks));
  blocks.disable();
  return { submitMs, followMs, pageMs, groupMs, pagesMs, longestBlockMs: blocks.max / 1e6 };
}

async function askMidway(graph: Graph, session: string) {
  const pageMs = await timed(() => graph.ask(page, { session, first: 50 }));
  const groupMs = await timed(() => graph.ask(byState, { session }));
  return { pageMs, groupMs };
}

async function allPages(graph: Graph, session: string, tasks: number): Promise<void> {
  let paged = 0;
  for (let after: string | null = null, more = true; more;) {
    const answer: Page = await graph.ask<Page>(page, { session, first: 1_000, after });
    paged += answer.tasks.nodes.length;
    ({ endCursor: after, hasNextPage: more } = answer.tasks.pageInfo);
  }
  if (paged !== tasks) throw new Error(`The pages hold ${paged} tasks of ${tasks}.`);
}
