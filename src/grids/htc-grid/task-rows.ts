/** Makes rows of the graph out of rows of the table, with what the registry, the outputs and this process know. */
import type { TaskRow } from '../tasks.js';
import { chunksOf } from './concurrency.js';
import type { DataPlane } from './data-plane.js';
import { outputKey } from './data-plane.js';
import { base64Chars, decodeText, functionErrorOf } from './encoding.js';
import type { Beside } from './fields.js';
import type { TaskItem } from './item.js';
import type { SessionRegistry } from './registry.js';
import { taskRow } from './row.js';
import type { Seen } from './seen.js';
import { parseStatus } from './status.js';

export interface TaskRowsSettings {
  readonly grid: string;
  readonly registry: SessionRegistry;
  readonly seen: Seen;
  /** Undefined where the outputs can't be read: then a finished task's failure is never told. */
  readonly data: DataPlane | undefined;
}

/** Outputs looked at in one round. */
const outputsAtOnce = 100;
/** An output that begins later than this with its error is not taken for one. */
const errorBytes = 64 * 1024;

export class TaskRows {
  constructor(private readonly settings: TaskRowsSettings) {}

  ownerOf(session: string): string | null {
    return this.settings.registry.get(session)?.owner ?? null;
  }

  row(item: TaskItem, fields: ReadonlySet<string>, error?: Beside['functionError']): TaskRow {
    const { grid, seen } = this.settings;
    const times = seen.of(item.taskId);
    return taskRow(item, fields, {
      grid,
      beside: () => ({
        owner: this.ownerOf(item.sessionId),
        startedAt: times?.startedAt,
        endedAt: times?.endedAt,
        functionError: error,
      }),
    });
  }

  /** Reads the outputs of finished tasks where, and only where, `failure` is among the fields. */
  async rows(
    items: readonly TaskItem[],
    fields: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<TaskRow[]> {
    const errors = fields.has('failure')
      ? await this.#errors(items, signal)
      : new Map<string, Beside['functionError']>();
    return items.map((item) => this.row(item, fields, errors.get(item.taskId)));
  }

  async #errors(
    items: readonly TaskItem[],
    signal: AbortSignal,
  ): Promise<Map<string, Beside['functionError']>> {
    const { data } = this.settings;
    const errors = new Map<string, Beside['functionError']>();
    if (data === undefined) return errors;
    const finished = items.filter(({ status }) => parseStatus(status).known === 'finished');
    for (const chunk of chunksOf(finished, outputsAtOnce)) {
      const keys = chunk.map(({ taskId }) => outputKey(taskId));
      const outputs = await data.getMany(keys, base64Chars(errorBytes), signal);
      for (const [index, { taskId }] of chunk.entries()) {
        const output = outputs[index];
        errors.set(
          taskId,
          output === undefined ? 'OUTPUT_LOST' : functionErrorOf(decodeText(output.text)),
        );
      }
    }
    return errors;
  }
}
