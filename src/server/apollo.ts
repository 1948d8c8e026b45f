/** Apollo Server as the executor of HTTP requests, with everything off that costs or leaks. */
import { randomUUID } from 'node:crypto';
import {
  ApolloServer,
  type ApolloServerPlugin,
  type HTTPGraphQLRequest,
  type GraphQLRequestListener,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import type { LimitSettings } from '../config/settings.js';
import { GridError } from '../errors.js';
import { formatError, type LogFault } from './errors.js';
import { limitsRule } from './limits.js';
import type { Logger } from './log.js';
import { noteErrors, type Trace } from './operation.js';
import { refusalOfVariables } from './variables.js';

/** The request as the HTTP transport hands it in: the plugins fill in its trace. */
export interface TracedRequest extends HTTPGraphQLRequest {
  readonly trace: Trace;
}

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly limits: LimitSettings;
  readonly introspection: boolean;
  readonly log: Logger;
  readonly logFault: LogFault;
}

export async function startApollo(options: ApolloOptions): Promise<ApolloServer<object>> {
  // `formatError` knows only the error: this says which request it belongs to.
  const requestOf = new WeakMap<object, string>();
  const apollo = new ApolloServer<object>({
    schema: options.schema,
    introspection: options.introspection,
    validationRules: [limitsRule(options.limits)],
    parseOptions: { maxTokens: options.limits.tokens },
    formatError: (_, error) => {
      const id = (error instanceof Error ? requestOf.get(error) : undefined) ?? randomUUID();
      return formatError(error, id, options.logFault);
    },
    csrfPrevention: true,
    cache: 'bounded',
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: options.log,
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      tracing(options.schema, requestOf),
    ],
  });
  await apollo.start();
  return apollo;
}

/** No hook on fields: those would cost more than the fields. */
const tracing = (
  schema: GraphQLSchema,
  requestOf: WeakMap<object, string>,
): ApolloServerPlugin<object> => {
  const listener: GraphQLRequestListener<object> = {
    async didResolveOperation({ request, operation, operationName }) {
      const { trace } = request.http as TracedRequest;
      trace.name = operationName;
      if (!operation) return;
      trace.type = operation.operation;
      const refusal =
        trace.type === 'subscription'
          ? notOverHttp()
          : refusalOfVariables(schema, operation, request.variables);
      if (refusal) throw asRefusal(refusal);
    },
    async didEncounterErrors({ request, errors }) {
      const { requestId } = (request.http as TracedRequest).trace;
      for (const error of errors) requestOf.set(error, requestId);
    },
    async willSendResponse({ request, response }) {
      const { body, http } = response;
      if (body.kind !== 'single') return;
      const { errors } = body.singleResult;
      if (!errors) return;
      noteErrors((request.http as TracedRequest).trace, errors);
      // GraphQL over HTTP, `application/json`: a well-formed request that the graph refuses is a 200.
      const code = errors[0]?.extensions?.['code'];
      if (http.status === 400 && code !== 'BAD_REQUEST' && !acceptsGraphqlJson(request.http)) {
        http.status = 200;
      }
    },
  };
  return { requestDidStart: async () => listener };
};

const acceptsGraphqlJson = (request: HTTPGraphQLRequest | undefined): boolean =>
  request?.headers.get('accept')?.includes('application/graphql-response+json') ?? false;

const notOverHttp = (): GridError =>
  new GridError(
    'BAD_REQUEST',
    'Subscriptions are answered over WebSocket (graphql-transport-ws) at this address, or to accept: text/event-stream.',
  );

/** A fault of the request that a plugin finds: Apollo would answer it with a 500. */
const asRefusal = (originalError: GridError): GraphQLError =>
  new GraphQLError(originalError.message, {
    originalError,
    extensions: { http: { status: 400 } },
  });
