/** The graph in process over the grids of a test: typed documents in, answers as clients get them out. */
import {
  type DocumentNode,
  execute,
  type GraphQLFormattedError,
  type GraphQLSchema,
  parse,
  subscribe,
} from 'graphql';
import { buildGraph, GraphService, type GraphSettings } from '../../resolvers/index.js';
import { localAdmin } from '../../src/access/authenticator.js';
import type { Caller, Role } from '../../src/access/caller.js';
import { openPool, type CommandReport, type PoolSettings } from '../../src/grids/condor/index.js';
import type { AnyGrid } from '../../src/grids/grid.js';
import { type HtcGrid, openEmbedded } from '../../src/grids/htc-grid/index.js';
import { GridRegistry } from '../../src/grids/registry.js';
import { formatError } from '../../src/server/errors.js';
import { guardRoots } from '../../src/server/rules.js';
import type { RealPool } from '../real/index.js';

/** A document that knows the types of its variables and of its answer. */
export interface Typed<Data, Variables> extends DocumentNode {
  readonly __apiType?: (variables: Variables) => Data;
}

export interface Answer<Data> {
  readonly data: Data | null | undefined;
  readonly errors: readonly GraphQLFormattedError[];
  readonly codes: readonly unknown[];
}

export interface Frames<Data> extends AsyncGenerator<Data, void, undefined> {
  /** The client goes away. */
  leave(): Promise<void>;
}

export interface Graph {
  readonly schema: GraphQLSchema;
  readonly service: GraphService;
  /** The data of an answer that must come without errors. */
  ask<D, V>(document: Typed<D, V>, variables: V, caller?: Caller): Promise<D>;
  /** The whole answer; documents as text are for what no typed document can say. */
  answer<D, V>(document: Typed<D, V> | string, variables: V, caller?: Caller): Promise<Answer<D>>;
  /** The frames of a stream, or its refusal. */
  follow<D, V>(
    document: Typed<D, V> | string,
    variables: V,
    caller?: Caller,
  ): Promise<Frames<Answer<D>> | Answer<D>>;
  /** The data of the frames of a stream that must be accepted and must not fail. */
  frames<D, V>(document: Typed<D, V>, variables: V, caller?: Caller): Promise<Frames<D>>;
  /** Ends the streams, then the grids. */
  stop(): Promise<void>;
}

export const caller = (identity: string, role: Role): Caller => ({
  identity,
  roles: [role],
  scopes: [],
  expiresAt: null,
});
export const admin = localAdmin;

export async function openGraph(
  grids: readonly AnyGrid[],
  settings: GraphSettings = {},
): Promise<Graph> {
  const schema = await buildGraph();
  guardRoots(schema);
  const registry = new GridRegistry(grids);
  const service = new GraphService(registry, settings);
  const operation = <D, V>(document: Typed<D, V> | string, variables: V, who: Caller) => {
    const left = new AbortController();
    const args = {
      schema,
      document: typeof document === 'string' ? parse(document) : document,
      variableValues: variables as Record<string, unknown>,
      contextValue: service.context({ caller: who, requestId: 'test', signal: left.signal }),
    };
    return { args, left };
  };
  const answer: Graph['answer'] = async (document, variables, who = admin) =>
    answerOf(await execute(operation(document, variables, who).args));
  const follow: Graph['follow'] = async <D, V>(
    document: Typed<D, V> | string,
    variables: V,
    who: Caller = admin,
  ) => {
    const { args, left } = operation(document, variables, who);
    const results = await subscribe(args);
    if (!isFrames(results)) return answerOf<D>(results);
    const frames = (async function* () {
      for await (const result of results) yield answerOf<D>(result);
    })();
    const leave = async () => {
      left.abort(new Error('The client has gone.'));
      await results.return(undefined);
    };
    return Object.assign(frames, { leave });
  };
  return {
    schema,
    service,
    answer,
    async ask(document, variables, who = admin) {
      const { data, errors } = await answer(document, variables, who);
      if (errors.length > 0) throw new Error(`The answer has errors: ${JSON.stringify(errors)}`);
      if (data == null) throw new Error('The answer has no data.');
      return data;
    },
    follow,
    async frames(document, variables, who = admin) {
      const followed = await follow(document, variables, who);
      if ('codes' in followed) throw new Error(`Refused: ${JSON.stringify(followed.errors)}`);
      const frames = (async function* () {
        for await (const { data, errors } of followed) {
          if (errors.length > 0 || data == null)
            throw new Error(`Failed: ${JSON.stringify(errors)}`);
          yield data;
        }
      })();
      return Object.assign(frames, { leave: () => followed.leave() });
    },
    async stop() {
      service.close();
      await registry.stop();
    },
  };
}

/** The real pool as a grid named "pool", with its first schedd alone unless the settings say otherwise. */
export const poolGrid = (
  { prefix, scheddName }: RealPool,
  settings: Partial<PoolSettings> = {},
): ReturnType<typeof openPool> =>
  openPool({
    name: 'pool',
    prefix: { kind: 'exec', argv: prefix },
    schedds: [scheddName],
    ...settings,
  });

/** An HTC-Grid in memory, named "local". */
export const embeddedGrid = (
  settings: Partial<Parameters<typeof openEmbedded>[0]> = {},
): Promise<HtcGrid> => openEmbedded({ name: 'local', ...settings });

/** Counts what a pool runs: pass `note` as `onCommand`. */
export function commandCounter() {
  const reports: CommandReport[] = [];
  return { reports, note: (report: CommandReport) => void reports.push(report) };
}

const isFrames = <T>(value: object): value is AsyncGenerator<T> => Symbol.asyncIterator in value;

function answerOf<D>(result: {
  readonly data?: unknown;
  readonly errors?: readonly Error[] | undefined;
}): Answer<D> {
  const errors = (result.errors ?? []).map((error) =>
    formatError(error, 'test', ({ error: fault }) => console.error('A fault:', fault)),
  );
  return {
    data: result.data as D | null | undefined,
    errors,
    codes: errors.map(({ extensions }) => extensions?.['code']),
  };
}
