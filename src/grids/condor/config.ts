/** The pool's configuration, by condor_config_val: names are chosen here, no text of a request gets there. */
import { GridError } from '../../errors.js';
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
  const wanted = settingChoice(query);
  const settings = parseDump(output.toString('utf8'));
  const secrets = secretNames(settings);
  return settings
    .filter(wanted)
    .map((setting) =>
      configRow(
        pool.name,
        daemon ?? null,
        daemonName ?? null,
        setting,
        secrets.has(upper(setting.name)),
      ),
    );
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
  if (daemon === undefined) {
    if (daemonName === undefined) return [];
    throw new GridError(
      'BAD_USER_INPUT',
      'Expected daemon beside daemonName: the kind of daemon that has that name.',
    );
  }
  if (daemonName === undefined) return [daemonOptions[daemon]];
  checkDaemonName(daemonName);
  return [...addressed(pool, { name: daemonName, own: false }), daemonOptions[daemon]];
}

/** Which settings a query asks for. */
export function settingChoice({
  names,
  matching,
  changedOnly,
}: ConfigQuery): (setting: Setting) => boolean {
  const exact = names && new Set(names.map(upper));
  const part = matching === undefined ? undefined : upper(matching);
  return ({ name, isDefault }) => {
    const asked = upper(name);
    return (
      (exact === undefined || exact.has(asked)) &&
      (part === undefined || asked.includes(part)) &&
      !(changedOnly && isDefault === true)
    );
  };
}

/** Settings that hold a secret, or lead to one. */
const secretName =
  /PASSWORD|PASSWD|PASSPHRASE|PASSCODE|SECRET|TOKEN|CREDENTIAL|(?<![A-Z])CREDS?(?![A-Z])|KEY(?!WORD|BOARD|RING|GEN)/i;

/** Values that are one, whatever their name: credentials in a URL or in an option, a bearer or web token, a private key. */
const secretValue =
  /\w:\/\/[^\s/@:]*:[^\s/@]+@|(?<![a-z])(?:password|passwd|passphrase|secret|token|api_?key)\s*[=:]\s*[^\s,;]|\bbearer\s+[\w.~+/-]{8}|\beyJ[\w-]{8,}\.[\w-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY/i;

/** The names in `$(NAME)`, `$(NAME:default)`, `$INT(NAME)`, `$CHOICE(NAME, OTHER)`. */
const macro = /\$\w*\(\s*([\w.]+(?:\s*,\s*[\w.]+)*)/g;

/** Secret by their own name or value, or because their value takes in that of one which is. */
export function secretNames(settings: readonly Setting[]): ReadonlySet<string> {
  const uses = settings.map(({ name, raw, value }) => ({
    name: upper(name),
    isSecret: secretName.test(name) || secretValue.test(raw) || secretValue.test(value),
    takesIn: [...raw.matchAll(macro)].flatMap(([, names]) => upper(names ?? '').split(/\s*,\s*/)),
  }));
  const found = new Set(uses.flatMap(({ name, isSecret }) => (isSecret ? [name] : [])));
  const leadsTo = (name: string): boolean => found.has(name) || secretName.test(name);
  for (let before = -1; before < found.size;) {
    before = found.size;
    for (const { name, takesIn } of uses) if (takesIn.some(leadsTo)) found.add(name);
  }
  return found;
}

const upper = (name: string): string => name.toUpperCase();

export function configRow(
  gridName: string,
  daemon: ConfigDaemon | null,
  daemonName: string | null,
  setting: Setting,
  redacted: boolean,
): ConfigRow {
  return {
    __typename: 'ConfigEntry',
    id: encodeId('ConfigEntry', gridName, daemon, daemonName, setting.name),
    gridName,
    idKey: [gridName, daemon ?? '', daemonName ?? '', setting.name],
    daemon,
    ...setting,
    ...(redacted && { value: '', raw: null }),
    redacted,
  };
}
