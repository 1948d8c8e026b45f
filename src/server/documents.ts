/** Parsed and validated documents of the WebSocket transport, the recent ones kept: reconnects repeat them. */
import {
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
  GraphQLError,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';
import type { LimitSettings } from '../config/settings.js';
import type { ErrorCode } from '../errors.js';
import { checkDocumentSize, limitsRule, tooDeepToRead } from './limits.js';
import { subscriptionRootRule } from './subscription-root.js';

/** Documents longer than this are not kept; with the count it bounds the memory. */
const maxKeptLength = 20_000;
const maxKept = 200;

/** The document, or what is wrong with it. Throws for one that is too long. */
export type ReadDocument = (text: string) => DocumentNode | readonly GraphQLError[];

export function documentReader(
  schema: GraphQLSchema,
  limits: LimitSettings,
  introspection: boolean,
): ReadDocument {
  const kept = new Map<string, DocumentNode>();
  const rules = [
    ...specifiedRules,
    ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]),
    limitsRule(limits),
    subscriptionRootRule,
  ];
  return (text) => {
    const known = kept.get(text);
    if (known) {
      kept.delete(text);
      kept.set(text, known);
      return known;
    }
    checkDocumentSize(text, limits);
    let document: DocumentNode;
    try {
      document = parse(text, { maxTokens: limits.tokens });
    } catch (error) {
      if (error instanceof GraphQLError) return [coded('GRAPHQL_PARSE_FAILED', error)];
      if (error instanceof RangeError) throw tooDeepToRead();
      throw error;
    }
    const errors = validate(schema, document, rules);
    if (errors.length > 0) return errors.map((error) => coded('GRAPHQL_VALIDATION_FAILED', error));
    if (text.length <= maxKeptLength) kept.set(text, document);
    const [oldest] = kept.keys();
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    return document;
  };
}

/** The error with the code that Apollo gives it over HTTP; an original error with a code of its own still wins. */
const coded = (code: ErrorCode, error: GraphQLError): GraphQLError =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    originalError: error.originalError ?? error,
    extensions: { code },
  });
