/** The pool's configuration, by condor_config_val: names are chosen here, no text of a request gets there. */
import { encodeId } from '../id.js';
import type { ConfigDaemon, ConfigQuery, ConfigRow } from '../jobs.js';
import { parseDump, type Setting } from './config-dump.js';
import { addressed, checkDaemonName, type Pool } from './pool.js';

/** Without a daemon: the configuration files of the host that the commands run on. */
export async function readConfig(
  pool: Pool,
  query: ConfigQuery,
  signal: AbortSignal,
): Promise<readonly ConfigRow[]> {
  const { daemon, daemonName } = query;
  const args = [...target(pool, daemon, daemonName), '-dump', '-verbose'];
  const output = await pool.runner.collect({ program: 'condor_config_val', args }, signal);
  const wanted = choice(query);
  return parseDump(output.toString('utf8'))
    .filter(wanted)
    .map((setting) => rowOf(pool, daemon ?? null, daemonName ?? null, setting));
}

const daemonOptions: Readonly<Record<ConfigDaemon, string>> = {
  COLLECTOR: '-collector',
  MASTER: '-master',
  NEGOTIATOR: '-negotiator',
  SCHEDD: '-schedd',
  STARTD: '-startd',
};

function target(
  pool: Pool,
  daemon: ConfigDaemon | undefined,
  daemonName: string | undefined,
): readonly string[] {
  if (daemon === undefined) return [];
  if (daemonName === undefined) return [daemonOptions[daemon]];
  checkDaemonName(daemonName);
  return [...addressed(pool, { name: daemonName, own: false }), daemonOptions[daemon]];
}

function choice({ names, matching, changedOnly }: ConfigQuery): (setting: Setting) => boolean {
  const exact = names && new Set(names.map((name) => name.toUpperCase()));
  const part = matching?.toUpperCase();
  return ({ name, isDefault }) => {
    const upper = name.toUpperCase();
    return (
      (exact === undefined || exact.has(upper)) &&
      (part === undefined || upper.includes(part)) &&
      !(changedOnly && isDefault === true)
    );
  };
}

/** Settings that hold a secret, or lead to one. */
const secret = /PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_?KEY|CREDENTIAL|_CRED_|API_?KEY/i;

function rowOf(
  pool: Pool,
  daemon: ConfigDaemon | null,
  daemonName: string | null,
  setting: Setting,
): ConfigRow {
  const redacted = secret.test(setting.name);
  return {
    __typename: 'ConfigEntry',
    id: encodeId('ConfigEntry', pool.name, daemon, daemonName, setting.name),
    gridName: pool.name,
    idKey: [pool.name, daemon ?? '', daemonName ?? '', setting.name],
    daemon,
    ...setting,
    ...(redacted && { value: '', raw: null }),
    redacted,
  };
}
