/** The data plane of a deployed grid as it is configured: Redis, S3, or both, each behind a circuit and in health. */
import type { OnCall } from './calls.js';
import { Circuit } from './circuit.js';
import type { DataPlane } from './data-plane.js';
import { LayeredDataPlane } from './data-plane-layered.js';
import type { RedisSettings } from './data-plane-redis.js';
import { RedisDataPlane } from './data-plane-redis.js';
import type { S3Settings } from './data-plane-s3.js';
import { S3DataPlane } from './data-plane-s3.js';
import { guardedComponent, GuardedDataPlane } from './guarded.js';
import type { Component } from './health.js';

export interface DeployedDataPlane {
  readonly data: DataPlane;
  readonly components: readonly Component[];
}

/** @returns undefined where neither is configured */
export async function deployedDataPlane(
  redis: Omit<RedisSettings, 'onCall'> | DataPlane | undefined,
  s3: Omit<S3Settings, 'onCall'> | undefined,
  onCall: { readonly onCall?: OnCall },
): Promise<DeployedDataPlane | undefined> {
  const first =
    redis !== undefined && 'host' in redis
      ? await RedisDataPlane.open({ ...redis, ...onCall })
      : redis;
  if (s3 === undefined) return first && alone('data plane', 'The data plane', first);
  const store = alone(
    'data plane (S3)',
    'The data plane (S3)',
    await S3DataPlane.open({ ...s3, ...onCall }),
  );
  if (first === undefined) return store;
  const circuit = new Circuit({ what: 'The cache', failures: 1 });
  return {
    data: new LayeredDataPlane(first, store.data, circuit),
    components: [
      ...store.components,
      guardedComponent('data plane (Redis)', circuit, (signal) => first.probe(signal)),
    ],
  };
}

function alone(name: string, what: string, data: DataPlane): DeployedDataPlane {
  const circuit = new Circuit({ what });
  return {
    data: new GuardedDataPlane(data, circuit),
    components: [guardedComponent(name, circuit, (signal) => data.probe(signal))],
  };
}
