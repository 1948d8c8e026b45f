/** The operations of docs/restd.md, by name: the documentation is what the contract test runs. */
import { readFileSync } from 'node:fs';
import { Kind, parse, print, validate, type GraphQLSchema } from 'graphql';
import type { Answer, Graph } from './open-graph.js';

const page = readFileSync(new URL('../../docs/restd.md', import.meta.url), 'utf8');
const document = parse(/```graphql\n(.*?)```/s.exec(page)?.[1] ?? '');

export const operations: ReadonlyMap<string, string> = new Map(
  document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION && definition.name
      ? [[definition.name.value, print(definition)]]
      : [],
  ),
);

/** What is wrong with them for this schema. */
export const faults = (schema: GraphQLSchema): readonly string[] =>
  validate(schema, document).map(({ message }) => message);

export type AdJson = Readonly<Record<string, unknown>>;

export interface Answers {
  readonly Schedds: { readonly grid: { readonly schedds: readonly string[] } | null };
  readonly Jobs: { readonly jobs: JobPage | null };
  readonly OneJob: { readonly job: { readonly origin: string; readonly classAd: AdJson } | null };
  readonly OneAttribute: { readonly job: { readonly attribute: AttributeJson } | null };
  readonly GroupedJobs: { readonly jobs: { readonly groups: GroupsJson } | null };
  readonly Status: {
    readonly ads: {
      readonly nodes: readonly {
        readonly name: string;
        readonly type: string;
        readonly classAd: AdJson;
      }[];
    };
  };
  readonly GroupedStatus: { readonly ads: { readonly groups: GroupsJson } | null };
  readonly Settings: {
    readonly config: {
      readonly nodes: readonly SettingJson[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    };
  };
  readonly OneSetting: { readonly configEntry: SettingJson | null };
}

interface JobPage {
  readonly nodes: readonly {
    readonly nativeId: string;
    readonly schedd: string;
    readonly grid: { readonly name: string };
    readonly classAd: AdJson;
  }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly sources: readonly {
    readonly grid: { readonly name: string };
    readonly part: string | null;
    readonly status: string;
    readonly truncated: boolean;
  }[];
}

export interface AttributeJson {
  readonly defined: boolean;
  readonly redacted: boolean;
  readonly expression: string | null;
  readonly value: unknown;
}

export interface GroupsJson {
  readonly nodes: readonly {
    readonly key: readonly { readonly defined: boolean; readonly value: unknown }[];
    readonly count: number;
    readonly nodes: readonly { readonly nativeId?: string; readonly classAd: AdJson }[];
  }[];
}

export interface SettingJson {
  readonly name: string;
  readonly value: string;
  readonly redacted: boolean;
  readonly file?: string | null;
  readonly line?: number | null;
  readonly isDefault?: boolean | null;
}

/** The whole answer of one of them. */
export const answerOf = <Name extends keyof Answers>(
  graph: Graph,
  name: Name,
  variables: object,
): Promise<Answer<Answers[Name]>> => {
  const text = operations.get(name);
  if (text === undefined) throw new Error(`docs/restd.md has no operation ${name}.`);
  return graph.answer<Answers[Name], object>(text, variables);
};

/** Its data, where it must come without errors. */
export async function ask<Name extends keyof Answers>(
  graph: Graph,
  name: Name,
  variables: object,
): Promise<Answers[Name]> {
  const { data, errors } = await answerOf(graph, name, variables);
  if (errors.length > 0 || data == null) throw new Error(`${name}: ${JSON.stringify(errors)}`);
  return data;
}
