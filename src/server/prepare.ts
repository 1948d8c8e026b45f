/** What every transport but Apollo's does before an operation: reads the document, finds the operation, checks the variables. */
import {
  getOperationAST,
  GraphQLError,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { isExpired } from '../access/authenticator.js';
import type { Caller } from '../access/caller.js';
import { GridError } from '../errors.js';
import type { ReadDocument } from './documents.js';
import type { Trace } from './operation.js';
import { refusalOfVariables } from './variables.js';

export interface Request {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
}

export interface PrepareOptions {
  readonly schema: GraphQLSchema;
  readonly documents: ReadDocument;
  readonly draining: AbortSignal;
}

export interface Prepared {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

/** A document that is not run, with all that is wrong with it. */
export class Refused extends Error {
  constructor(readonly errors: readonly GraphQLError[]) {
    super('The document is refused.');
  }
}

/** Throws a GridError or `Refused` for what is not to be run; the trace says what it would have been. */
export function prepare(
  { query, operationName, variables }: Request,
  caller: Caller,
  trace: Trace,
  { schema, documents, draining }: PrepareOptions,
): Prepared {
  trace.identity = caller.identity;
  if (draining.aborted) {
    throw new GridError('UNAVAILABLE', 'The server is stopping; connect again.', {
      retryAfterMs: 1_000,
    });
  }
  if (isExpired(caller)) {
    throw new GridError('UNAUTHENTICATED', 'The token has expired; connect with a new one.');
  }
  const document = documents(query);
  if (!('kind' in document)) throw new Refused(document);
  const operation = getOperationAST(document, operationName);
  if (!operation) {
    throw new GridError(
      'OPERATION_RESOLUTION_FAILURE',
      operationName == null
        ? 'The document has several operations or none: name the one to run in operationName.'
        : `The document has no operation named "${operationName}".`,
    );
  }
  trace.type = operation.operation;
  trace.name = operation.name?.value ?? null;
  const refusal = refusalOfVariables(schema, operation, variables);
  if (refusal) throw refusal;
  return { document, operation };
}

/** All that is wrong, as the graph's own errors. */
export const errorsOf = (error: unknown): readonly GraphQLError[] => {
  if (error instanceof Refused) return error.errors;
  if (error instanceof GraphQLError) return [error];
  const originalError = error instanceof Error ? error : new Error(String(error));
  return [new GraphQLError(originalError.message, { originalError })];
};
