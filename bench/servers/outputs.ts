/** Reads the outputs of a session page by page, each as a field of a page of tasks is read. */
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { chunksOf } from '../../src/grids/htc-grid/concurrency.js';
import { readPayload } from '../../src/grids/htc-grid/payload.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import type { Started } from '../child.js';
import { timed } from '../measure.js';

export interface OutputsSettings {
  readonly host: string;
  readonly port: number;
  readonly session: string;
  readonly tasks: number;
  readonly page: number;
}

/** As much of an output as the graph gives where nothing else is asked for. */
const maxBytes = 64 * 1024;

export async function start(settings: OutputsSettings): Promise<Started> {
  const { host, port, session, tasks, page } = settings;
  const data = await RedisDataPlane.open({ host, port });
  const { signal } = new AbortController();
  const ids = Array.from({ length: tasks }, (_, index) => taskIdOf(session, index));
  return {
    url: '',
    answers: {
      read: () =>
        timed(async () => {
          for (const chunk of chunksOf(ids, page)) {
            const read = chunk.map((id) => readPayload(data, id, 'output', maxBytes, signal));
            if ((await Promise.all(read)).includes(undefined)) throw new Error('One is missing.');
          }
        }),
    },
    stop: () => data.stop(),
  };
}
