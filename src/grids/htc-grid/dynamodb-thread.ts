/**
 * An in-process DynamoDB (dynalite) in a thread of its own: its work, about a millisecond an update, does
 * not hold up the server's event loop. Others reach it on a loopback port.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { GridError } from '../../errors.js';
import { dynamoDbProgram } from './dynamodb-program.js';

/** An answer as HTTP would bring it. */
export interface LocalAnswer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}

export interface LocalDynamoDb {
  readonly endpoint: string;
  /** Set once the thread is gone without being asked. */
  readonly failure: Error | undefined;
  /** One call without HTTP, which costs more than most calls do. @param body JSON text */
  call(operation: string, body: string): Promise<LocalAnswer>;
  stop(): Promise<void>;
}

type FromThread = { readonly port: number } | (LocalAnswer & { readonly id: number });

interface Waiting {
  readonly resolve: (answer: LocalAnswer) => void;
  readonly reject: (error: Error) => void;
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
  const worker = new Worker(dynamoDbProgram, {
    eval: true,
    workerData: { ...modules, options, port: tablePort },
  });
  let stopping = false;
  let failure: Error | undefined;
  let isGone = false;
  let calls = 0;
  const waiting = new Map<number, Waiting>();
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      isGone = true;
      for (const { reject } of waiting.values()) reject(failure ?? unavailable(path, undefined));
      waiting.clear();
      resolve();
    });
  });
  const port = await new Promise<number>((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if ('port' in message) {
        resolve(message.port);
        return;
      }
      waiting.get(message.id)?.resolve(message);
      waiting.delete(message.id);
      if (waiting.size === 0) worker.unref();
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
  // From here on the thread keeps the process alive while a call is under way, and only then.
  worker.unref();
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    get failure() {
      return failure;
    },
    call: (operation, body) =>
      new Promise((resolve, reject) => {
        if (isGone || stopping) {
          reject(failure ?? unavailable(path, undefined));
          return;
        }
        const id = calls++;
        if (waiting.size === 0) worker.ref();
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, operation, body });
      }),
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
  const why = cause instanceof Error ? `: ${cause.message}.` : '.';
  const isPort = cause instanceof Error && /EADDRINUSE|EACCES/.test(cause.message);
  const hint = isPort
    ? ' Choose another tablePort, or leave it out.'
    : path === undefined
      ? ''
      : ' Is the folder in use by another process?';
  return new GridError(
    'UNAVAILABLE',
    `The embedded state table ${where} is not there${why}${hint}`,
    {
      cause,
    },
  );
}
