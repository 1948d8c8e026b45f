/** The graph in the process of a bench: errors are raised. */
import { type ExecutionResult, graphql, type GraphQLSchema, parse, subscribe } from 'graphql';
import { buildGraph, GraphService } from '../resolvers/index.js';
import { localAdmin } from '../src/access/authenticator.js';
import type { AnyGrid } from '../src/grids/grid.js';
import { GridRegistry } from '../src/grids/registry.js';

export class Graph {
  readonly #operation = {
    caller: localAdmin,
    requestId: 'bench',
    signal: new AbortController().signal,
  };

  private constructor(
    private readonly schema: GraphQLSchema,
    private readonly service: GraphService,
  ) {}

  static async over(grid: AnyGrid): Promise<Graph> {
    return new Graph(await buildGraph(), new GraphService(new GridRegistry([grid])));
  }

  async ask<Data>(
    source: string,
    variableValues: Readonly<Record<string, unknown>>,
  ): Promise<Data> {
    const contextValue = this.service.context(this.#operation);
    return dataOf(
      await graphql({ schema: this.schema, source, variableValues, contextValue }),
    ) as Data;
  }

  async *follow<Event>(
    source: string,
    variableValues: Readonly<Record<string, unknown>>,
  ): AsyncGenerator<Event, void, undefined> {
    const events = await subscribe({
      schema: this.schema,
      document: parse(source),
      variableValues,
      contextValue: this.service.context(this.#operation),
    });
    if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events.errors));
    for await (const event of events) yield dataOf(event) as Event;
  }

  close(): void {
    this.service.close();
  }
}

function dataOf({ data, errors }: ExecutionResult): unknown {
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}
