/**
 * An in-process DynamoDB (dynalite) in a thread of its own, on a loopback port: its work, some two
 * milliseconds an update, does not hold up the server's event loop.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { GridError } from '../../errors.js';

/** The thread's program. Text, so that it starts alike from TypeScript, from tests and from dist. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const server = require(workerData.dynalite)(workerData.options);
server.on('error', (error) => { throw error; });
server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
parentPort.once('message', () => {
  server.closeAllConnections();
  server.close(() => process.exit(0));
});
`;

export interface LocalDynamoDb {
  readonly endpoint: string;
  /** Set once the thread is gone without being asked. */
  readonly failure: Error | undefined;
  stop(): Promise<void>;
}

/** @param path a folder for the tables; without it they are in memory and end with the process */
export async function startDynamoDb(path: string | undefined): Promise<LocalDynamoDb> {
  const dynalite = createRequire(import.meta.url).resolve('dynalite');
  const options = {
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(path === undefined ? {} : { path }),
  };
  const worker = new Worker(program, { eval: true, workerData: { dynalite, options } });
  let stopping = false;
  let failure: Error | undefined;
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve();
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', (message: { readonly port: number }) => {
      resolve(message.port);
    });
    worker.on('error', (error) => {
      failure = unavailable(path, error);
      reject(failure);
    });
    worker.once('exit', () => {
      if (!stopping) failure ??= unavailable(path, undefined);
      reject(failure ?? unavailable(path, undefined));
    });
  });
  // From here on the thread alone does not keep the process alive.
  worker.unref();
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    get failure() {
      return failure;
    },
    stop: async () => {
      stopping = true;
      worker.ref();
      worker.postMessage('stop');
      const late = setTimeout(() => void worker.terminate(), 3000);
      await gone;
      clearTimeout(late);
    },
  };
}

function unavailable(path: string | undefined, cause: unknown): GridError {
  const where = path === undefined ? 'in memory' : `in ${path}`;
  const hint = path === undefined ? '' : ' Is the folder in use by another process?';
  return new GridError('UNAVAILABLE', `The embedded state table ${where} is not there.${hint}`, {
    cause,
  });
}
