/** The configuration of the embedded pool, under the names that HTCondor has for it. */
import { GridError } from '../../../errors.js';
import type { ConfigDaemon, ConfigQuery, ConfigRow } from '../../jobs.js';
import type { Setting } from '../config-dump.js';
import { configRow, settingChoice } from '../config.js';
import type { Daemons } from './daemon-ads.js';

/** The daemons share one process, so they share one configuration. */
export function configOf(daemons: Daemons, query: ConfigQuery): readonly ConfigRow[] {
  const { daemon, daemonName } = query;
  if (daemonName !== undefined && daemon === undefined) {
    throw new GridError(
      'BAD_USER_INPUT',
      'Expected daemon beside daemonName: the kind of daemon that has that name.',
    );
  }
  if (daemonName !== undefined && daemon !== undefined && daemonName !== nameOf(daemons, daemon)) {
    throw new GridError(
      'UNKNOWN_SCHEDD',
      `The pool ${daemons.poolName} has no ${daemon} named ${JSON.stringify(daemonName.slice(0, 80))}; its name is ${nameOf(daemons, daemon)}.`,
    );
  }
  return settingsOf(daemons)
    .filter(settingChoice(query))
    .map((setting) =>
      configRow(daemons.poolName, daemon ?? null, daemonName ?? null, setting, false),
    );
}

function nameOf({ poolName, machine, schedd }: Daemons, daemon: ConfigDaemon): string {
  if (daemon === 'SCHEDD') return schedd.settings.name;
  return daemon === 'COLLECTOR' ? `embedded@${poolName}` : machine;
}

function settingsOf({ poolName, machine, version, schedd, slots }: Daemons): readonly Setting[] {
  const { settings } = schedd;
  const { resources, start, slots: count } = slots.settings;
  const values: Readonly<Record<string, string | number | boolean>> = {
    COLLECTOR_NAME: `embedded@${poolName}`,
    CONDOR_VERSION: version,
    DAEMON_LIST: 'MASTER, COLLECTOR, NEGOTIATOR, SCHEDD, STARTD',
    EMBEDDED_POOL: true,
    FULL_HOSTNAME: machine,
    MAX_HISTORY_ADS: settings.historyLimit,
    MAX_JOBS_SUBMITTED: settings.queueLimit,
    MEMORY: resources.memoryMb,
    NUM_CPUS: resources.cpus,
    NUM_SLOTS: count ?? 1,
    KILLING_TIMEOUT: Math.ceil(settings.killGraceMs / 1000),
    SCHEDD_NAME: settings.name,
    SLOT_TYPE_1_PARTITIONABLE: count === undefined,
    START: start,
  };
  return Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({
      name,
      value: String(value),
      raw: String(value),
      // Set by the pool itself, not by a file.
      isDefault: true,
      file: null,
      line: null,
    }));
}
