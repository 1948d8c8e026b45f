/** The state table of a deployed grid: its reads keep one pace, and one that does not answer is left alone. */
import { GridError } from '../../errors.js';
import { Circuit } from './circuit.js';
import type { Connection } from './connection.js';
import { guardedComponent, guardedConnection } from './guarded.js';
import type { Component } from './health.js';
import { paced } from './paced.js';
import type { PacedSettings } from './paced.js';
import type { ReadPaceSettings } from './read-pace.js';
import { ReadPace } from './read-pace.js';
import type { TableReader } from './table.js';

export interface SparedTable {
  readonly connection: Connection;
  /** True while it is throttled or left alone: what nobody waits for is not read then. */
  readonly isSpared: () => boolean;
  component(reader: Pick<TableReader, 'describe'>, place: string): Component;
}

export function sparedTable(
  direct: Connection,
  settings: ReadPaceSettings & PacedSettings = {},
): SparedTable {
  const circuit = new Circuit({ what: direct.label });
  const pace = new ReadPace(settings);
  return {
    connection: paced(guardedConnection(direct, circuit), pace, settings),
    isSpared: () => circuit.leftAlone || pace.slowedSince !== null,
    component(reader, place) {
      const guarded = guardedComponent('state table', circuit, async (signal) => {
        const { status } = await reader.describe(signal);
        if (status !== 'ACTIVE' && status !== 'UPDATING')
          throw new GridError('UNAVAILABLE', `${direct.label} is ${status}.`);
        return place;
      });
      return {
        name: guarded.name,
        check: async (signal) => {
          const told = await guarded.check(signal);
          if (told.status !== 'OK' || pace.slowedSince === null) return told;
          const units = pace.unitsPerSecond.toFixed(0);
          return {
            ...told,
            status: 'DEGRADED',
            detail: `it was throttled: reads of this server are slowed to ${units} units a second`,
            since: pace.slowedSince,
          };
        },
      };
    },
  };
}
