/** The configuration of an HTC-Grid in the graph. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import agentConfig from '../fixtures/htc-grid/agent-config.json' with { type: 'json' };
import { embeddedGrid, type Graph, openGraph } from '../graph/open-graph.js';

interface Setting {
  readonly id: string;
  readonly name: string;
  readonly value: string;
  readonly raw: string | null;
  readonly redacted: boolean;
}
const fields = 'id name value raw redacted daemon isDefault file line';

describe('the configuration of an HTC-Grid', () => {
  let graph: Graph;
  beforeAll(async () => {
    const configuration = { ...agentConfig, redis: { host: 'cache', password: 'hidden-1' } };
    graph = await openGraph([await embeddedGrid({ configuration })]);
  });
  afterAll(() => graph.stop());

  const settings = async (args: string): Promise<readonly Setting[]> => {
    const { data, errors } = await graph.answer<{ config: { nodes: readonly Setting[] } }, object>(
      `{ config(grid: "local", first: 100${args}) { nodes { ${fields} } } }`,
      {},
    );
    expect(errors).toEqual([]);
    return data?.config.nodes ?? [];
  };

  it('is told by name, each setting with its value, and found again by its id', async () => {
    const [one] = await settings(', names: ["DDB_State_Table"]');
    expect(one).toMatchObject({ name: 'ddb_state_table', value: agentConfig.ddb_state_table });
    const { data } = await graph.answer<{ node: Setting }, object>(
      `query ($id: ID!) { node(id: $id) { ... on ConfigEntry { ${fields} } } }`,
      { id: one?.id },
    );
    expect(data?.node).toEqual(one);
  });

  it('withholds secrets, wherever they stand', async () => {
    const all = await settings('');
    expect(all.filter(({ redacted }) => redacted).map(({ name }) => name)).toEqual([
      'api_gateway_key',
      'redis.password',
      'redis_password',
    ]);
    const text = JSON.stringify(all);
    for (const secret of ['hidden-1', agentConfig.redis_password, agentConfig.api_gateway_key])
      expect(text).not.toContain(secret);
  });

  it('has no daemons', async () => {
    const { data, codes } = await graph.answer(
      '{ config(grid: "local", daemon: SCHEDD) { nodes { name } sources { error { code } } } }',
      {},
    );
    expect(JSON.stringify({ data, codes })).toContain('BAD_USER_INPUT');
  });
});
