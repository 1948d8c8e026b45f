/** The state table and the data planes behind circuits: a place that gives no answer is left alone for a while. */
import { asGridError } from '../../errors.js';
import type { Circuit } from './circuit.js';
import type { Connection, Operation, Operations } from './connection.js';
import type { DataPlane, StoredText } from './data-plane.js';
import type { Component } from './health.js';

export const guardedConnection = (connection: Connection, circuit: Circuit): Connection => ({
  table: connection.table,
  label: connection.label,
  send: <O extends Operation>(
    operation: O,
    input: Operations[O]['input'],
    signal?: AbortSignal,
  ): Promise<Operations[O]['output']> =>
    // Describing is how the table is looked at: it says little of whether it can be read.
    operation === 'DescribeTable'
      ? connection.send(operation, input, signal)
      : circuit.through(signal, () => connection.send(operation, input, signal)),
  close: () => {
    connection.close();
  },
});

export class GuardedDataPlane implements DataPlane {
  constructor(
    private readonly data: DataPlane,
    private readonly circuit: Circuit,
  ) {}

  put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    return this.circuit.through(signal, () => this.data.put(entries, signal));
  }

  get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    return this.circuit.through(signal, () => this.data.get(key, maxChars, signal));
  }

  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    return this.circuit.through(signal, () => this.data.getMany(keys, maxChars, signal));
  }

  /** Beside the circuit: it is how the circuit's place is looked at. */
  probe(signal?: AbortSignal): Promise<string> {
    return this.data.probe(signal);
  }

  stop(): Promise<void> {
    return this.data.stop();
  }
}

/** The line of a place in health: what the calls came to, else what a probe says; left alone, it is not probed. */
export function guardedComponent(
  name: string,
  circuit: Circuit,
  probe: (signal: AbortSignal) => Promise<string>,
): Component {
  let downSince: number | null = null;
  return {
    name,
    check: async (signal) => {
      if (circuit.leftAlone) return { ...circuit.state, count: null };
      try {
        const detail = await probe(signal);
        downSince = null;
        circuit.probed();
        const state = circuit.state;
        return { ...state, detail: state.detail ?? detail, count: null };
      } catch (error) {
        downSince ??= circuit.state.since ?? Date.now();
        const detail = signal.aborted ? 'gave no answer in time' : asGridError(error).message;
        return { status: 'DOWN', detail, since: downSince, count: null };
      }
    },
  };
}
