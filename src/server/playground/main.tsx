/** The playground: GraphiQL with explorer, documentation and history, and the prepared example tabs. */
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { exampleTabs } from './examples.js';
import { fetchOverHttpAndWebSocket } from './fetcher.js';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element with the id "root".');

createRoot(root).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetchOverHttpAndWebSocket(new URL('/graphql', location.origin))}
      plugins={[explorerPlugin(), HISTORY_PLUGIN]}
      defaultTabs={exampleTabs}
      // The editor of variables would take objects and lists for errors.
      customScalarSchemas={{ JSON: { type: ['object', 'array', 'string', 'number', 'boolean'] } }}
      defaultEditorToolsVisibility="variables"
    >
      <GraphiQL.Logo>htc-graph</GraphiQL.Logo>
    </GraphiQL>
  </StrictMode>,
);
