/** What replicas share, as it is configured and as it answers. */
import type { ReplicaSettings } from '../config/settings.js';
import { SharedRedis } from '../replicas/shared-redis.js';
import { readAuthorities } from './authorities.js';
import type { PartLine } from './start.js';

/** Undefined where the server is alone. A Redis that is down does not keep it from starting. */
export async function openReplicas(settings: ReplicaSettings): Promise<SharedRedis | undefined> {
  const { redis: url, password, ca, prefix, leaseMs } = settings;
  if (url === null) return undefined;
  return SharedRedis.open({
    url,
    password: password ?? undefined,
    ca: ca === null ? undefined : await readAuthorities('replicas.ca', ca),
    prefix,
    leaseMs,
  });
}

/** A line where there is something to say. */
export function describeReplicas(replicas: SharedRedis | undefined): Promise<PartLine>[] {
  if (replicas === undefined) return [];
  return [
    replicas.health().then(({ name, status, detail }) => ({
      name,
      part: 'replicas',
      ok: status === 'OK',
      text: `${detail ?? status}, prefix ${replicas.key()}`,
    })),
  ];
}
