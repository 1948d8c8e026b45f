/** The jobs of many clusters: what one place of a document asks of them at one time is read together, a page for each. */
import DataLoader from 'dataloader';
import type { FieldNode, GraphQLResolveInfo } from 'graphql';
import type { JobPool, JobRow } from '../src/grids/jobs.js';
import { listEach, type ListAnswer } from '../src/query/list.js';
import type { ListPlan } from '../src/query/plan.js';
import { and } from '../src/query/predicate.js';
import { rows } from '../src/grids/row.js';
import type { Source } from '../src/query/source.js';
import { inClusters } from './job-nodes.js';

export interface ClusterJobsRequest {
  readonly pool: JobPool;
  readonly schedd: string;
  readonly clusterId: number;
  /** Without the cluster: the same wherever the field and its arguments are. */
  readonly plan: ListPlan;
  readonly sources: () => Promise<readonly Source<JobRow>[]>;
  readonly info: GraphQLResolveInfo;
}

export interface ClusterJobsLimits {
  readonly signal: AbortSignal;
  readonly maxGroups: number;
}

/** Clusters that are read together at most. */
const maxClusters = 200;
/** Rows on their pages together at most. */
const maxRows = 20_000;

export class ClusterJobs {
  /** Fields by their place in the document: the same nodes have the same arguments and the same selection. */
  readonly #places = new Map<FieldNode, number>();
  readonly #loader: DataLoader<ClusterJobsRequest, ListAnswer<JobRow>>;

  constructor(private readonly limits: ClusterJobsLimits) {
    // Not remembered: what a mutation changes in between is read again.
    this.#loader = new DataLoader((requests) => this.#load(requests), { cache: false });
  }

  load(request: ClusterJobsRequest): Promise<ListAnswer<JobRow>> {
    return this.#loader.load(request);
  }

  #placeOf({ pool, schedd, info }: ClusterJobsRequest): string {
    const nodes = info.fieldNodes.map((node) => {
      const place = this.#places.get(node) ?? this.#places.size;
      this.#places.set(node, place);
      return place;
    });
    return JSON.stringify([pool.name, schedd, ...nodes]);
  }

  async #load(
    requests: readonly ClusterJobsRequest[],
  ): Promise<readonly (ListAnswer<JobRow> | Error)[]> {
    const places = new Map<string, ClusterJobsRequest[]>();
    for (const request of requests) {
      const place = this.#placeOf(request);
      const there = places.get(place);
      if (there === undefined) places.set(place, [request]);
      else there.push(request);
    }
    const answers = new Map<ClusterJobsRequest, ListAnswer<JobRow> | Error>();
    await Promise.all(
      [...places.values()].flatMap(chunks).map(async (together) => {
        const found = await this.#together(together).catch((error: Error) => error);
        for (const request of together) {
          const answer = found instanceof Error ? found : found.get(String(request.clusterId));
          answers.set(request, answer ?? new Error('A cluster has no list.'));
        }
      }),
    );
    return requests.map((request) => answers.get(request) as ListAnswer<JobRow> | Error);
  }

  async #together(
    requests: readonly ClusterJobsRequest[],
  ): Promise<ReadonlyMap<string, ListAnswer<JobRow>>> {
    const [first] = requests;
    if (first === undefined) return new Map();
    const { plan, schedd } = first;
    const clusters = [...new Set(requests.map(({ clusterId }) => clusterId))];
    const scope = and(...(plan.scope ? [plan.scope] : []), ...inClusters(schedd, clusters));
    const parts = { parts: clusters.map(String), partOf: (row: JobRow) => String(row.clusterId) };
    return listEach({ ...plan, scope }, parts, await first.sources(), {
      type: rows,
      ...this.limits,
    });
  }
}

function chunks(requests: readonly ClusterJobsRequest[]): readonly ClusterJobsRequest[][] {
  const perPage = requests[0]?.plan.page?.limit ?? 1;
  const size = Math.max(1, Math.min(maxClusters, Math.floor(maxRows / perPage)));
  return Array.from({ length: Math.ceil(requests.length / size) }, (_, i) =>
    requests.slice(i * size, (i + 1) * size),
  );
}
