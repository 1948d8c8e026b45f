/**
 * An in-process DynamoDB (dynalite) in a thread of its own, on a loopback port: its work, some two
 * milliseconds an update, does not hold up the server's event loop.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { GridError } from '../../errors.js';

/**
 * The thread's program. Text, so that it starts alike from TypeScript, from tests and from dist.
 *
 * dynalite 4.0.0 tells the entries of an index apart by six hexadecimal digits of a hash: of 10,000
 * tasks of one session and state about three would vanish from the index. With the whole hash none do.
 */
const program = `
const Module = require('node:module');
const { parentPort, workerData } = require('node:worker_threads');
const compile = Module.prototype._compile;
Module.prototype._compile = function (text, file) {
  if (file !== workerData.keys) return compile.call(this, text, file);
  const whole = text.replace(".digest('hex').slice(0, 6)", ".digest('hex')");
  if (whole === text) throw new Error('dynalite makes index keys in another way than version 4.0.0.');
  return compile.call(this, whole, file);
};
const server = require(workerData.dynalite)(workerData.options);
server.on('error', (error) => { throw error; });
// An idle connection that the server closes just as the next call goes out would be that call's failure.
server.keepAliveTimeout = 0;
server.listen(workerData.port, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
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

/**
 * @param path a folder for the tables; without it they are in memory and end with the process
 * @param tablePort a free one unless given
 */
export async function startDynamoDb(
  path: string | undefined,
  tablePort: number = 0,
): Promise<LocalDynamoDb> {
  const { resolve } = createRequire(import.meta.url);
  const modules = { dynalite: resolve('dynalite'), keys: resolve('dynalite/db') };
  const options = {
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(path === undefined ? {} : { path }),
  };
  const worker = new Worker(program, {
    eval: true,
    workerData: { ...modules, options, port: tablePort },
  });
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
