/** What makes two subscriptions equal: then each frame of theirs is executed and encoded once. */
import { createHash } from 'node:crypto';
import { Kind, visit, type DocumentNode, type OperationDefinitionNode } from 'graphql';
import type { Caller } from '../../access/caller.js';

export interface Subscribed {
  /** The text of the document. */
  readonly query: string;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  /** As they came. */
  readonly variables: Readonly<Record<string, unknown>> | null | undefined;
  readonly caller: Caller;
}

/**
 * Document, operation, variables, and all that rules and resolvers read of a caller. When the token ends is
 * not part of it: each subscriber is ended by itself. Nor are variables that only say where to start.
 */
export function streamKey({ query, document, operation, variables, caller }: Subscribed): string {
  const starts = startVariables(operation, document);
  const given = Object.entries(variables ?? {}).filter(([name]) => !starts.has(name));
  const { identity, roles, scopes } = caller;
  return createHash('sha256')
    .update(
      JSON.stringify([
        query,
        operation.name?.value,
        given.sort(([a], [b]) => (a < b ? -1 : 1)),
        identity,
        roles.toSorted(),
        scopes.toSorted(),
      ]),
    )
    .digest('base64');
}

const found = new WeakMap<OperationDefinitionNode, ReadonlySet<string>>();

/** Variables that stand in the `start` of a root field and nowhere else. */
function startVariables(
  operation: OperationDefinitionNode,
  document: DocumentNode,
): ReadonlySet<string> {
  const known = found.get(operation);
  if (known) return known;
  const starts = operation.selectionSet.selections.flatMap((field) =>
    field.kind === Kind.FIELD ? (field.arguments ?? []) : [],
  );
  const inStart = new Set<string>();
  const elsewhere = new Set<string>();
  for (const start of starts.filter(({ name }) => name.value === 'start')) {
    visit(start, { Variable: ({ name }) => void inStart.add(name.value) });
  }
  visit(document, {
    VariableDefinition: () => false,
    Argument: (argument) =>
      starts.includes(argument) && argument.name.value === 'start' ? false : undefined,
    Variable: ({ name }) => void elsewhere.add(name.value),
  });
  const only = new Set([...inStart].filter((name) => !elsewhere.has(name)));
  found.set(operation, only);
  return only;
}
