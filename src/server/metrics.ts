/** The metrics, with every name in one place; `docs/operations.md` prints this table. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Name, labels and meaning of each metric of the server; those of the process come from prom-client. */
export const metricTable = {
  htc_graph_requests_total: {
    labels: ['transport', 'type', 'outcome'],
    help: 'Operations by transport (http, sse, ws), type (query, mutation, subscription, none) and outcome (OK or an error code).',
  },
  htc_graph_request_seconds: {
    labels: ['transport', 'type'],
    help: 'Time to answer a query or mutation.',
  },
  htc_graph_grid_calls_total: {
    labels: ['grid', 'call', 'outcome'],
    help: 'Calls to grids (commands, table reads, data plane) by grid, kind of call and outcome.',
  },
  htc_graph_grid_call_seconds: {
    labels: ['grid', 'call'],
    help: 'Time of a call to a grid.',
  },
  htc_graph_subscriptions: { labels: [], help: 'Open subscriptions.' },
  htc_graph_sockets: { labels: [], help: 'Open WebSockets.' },
} as const;

type MetricName = keyof typeof metricTable;
export type OperationType = 'query' | 'mutation' | 'subscription' | 'none';
export type Transport = 'http' | 'sse' | 'ws';

interface GridCall {
  readonly grid: string;
  /** What was called: `condor_q`, `Query`, `BatchGetItem`, … A closed, small set: it is a label. */
  readonly call: string;
  /** `OK`, or the code of the error. */
  readonly outcome: string;
  readonly ms: number;
}

export interface Metrics {
  /** `ms` is undefined for subscriptions: how long one stays open is no latency. */
  operation(
    transport: Transport,
    type: OperationType,
    outcome: string,
    ms: number | undefined,
  ): void;
  gridCall(call: GridCall): void;
  subscriptions(change: 1 | -1): void;
  sockets(change: 1 | -1): void;
  readonly contentType: string;
  text(): Promise<string>;
}

const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const options = <N extends MetricName>(name: N) => ({
    name,
    help: metricTable[name].help,
    labelNames: metricTable[name].labels,
    registers: [registry],
  });
  const requests = new Counter(options('htc_graph_requests_total'));
  const latency = new Histogram({ ...options('htc_graph_request_seconds'), buckets });
  const calls = new Counter(options('htc_graph_grid_calls_total'));
  const callLatency = new Histogram({ ...options('htc_graph_grid_call_seconds'), buckets });
  const subscriptions = new Gauge(options('htc_graph_subscriptions'));
  const sockets = new Gauge(options('htc_graph_sockets'));
  collectDefaultMetrics({ register: registry });
  return {
    operation(transport, type, outcome, ms) {
      requests.inc({ transport, type, outcome });
      if (ms !== undefined) latency.observe({ transport, type }, ms / 1000);
    },
    gridCall({ grid, call, outcome, ms }) {
      calls.inc({ grid, call, outcome });
      callLatency.observe({ grid, call }, ms / 1000);
    },
    subscriptions: (change) => subscriptions.inc(change),
    sockets: (change) => sockets.inc(change),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
