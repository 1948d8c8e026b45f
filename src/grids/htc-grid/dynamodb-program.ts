/**
 * The program of the thread with the embedded table: dynalite 4.0.0, reached over HTTP by others and by
 * messages from this process. Text, so that it starts alike from TypeScript, from tests and from dist.
 *
 * It mends two things of dynalite:
 *
 * - The entries of an index are told apart by six hexadecimal digits of a hash: of 10,000 tasks of one
 *   session and state about three would vanish from the index. With the whole hash none do.
 * - A row and its index entries are written one after another: a process that is killed in between leaves
 *   a row that its indexes do not know. Here they are one batch of the store, which is written whole or
 *   not at all, in half the time.
 */
export const dynamoDbProgram = `
const { EventEmitter } = require('node:events');
const Module = require('node:module');
const { parentPort, workerData } = require('node:worker_threads');

const compile = Module.prototype._compile;
Module.prototype._compile = function (text, file) {
  if (file !== workerData.keys) return compile.call(this, text, file);
  const whole = text.replace(".digest('hex').slice(0, 6)", ".digest('hex')");
  if (whole === text) throw new Error('dynalite makes index keys in another way than version 4.0.0.');
  return compile.call(this, whole, file);
};

const db = require(workerData.keys);
const { create } = db;
// What the indexes have to take up with a row, from when dynalite would write it until it writes the row.
const entries = new WeakMap();
db.updateIndexes = (store, table, before, after, done) => {
  const changes = ['Local', 'Global'].flatMap((kind) => {
    const indexes = table[kind + 'SecondaryIndexes'] ?? [];
    const { puts, deletes } = db.getIndexActions(indexes, before, after, table);
    const place = ({ index, key }) =>
      'index-' + kind.toLowerCase() + '~' + table.TableName + '~' + index + '~' + key;
    return [
      ...deletes.map((entry) => ({ type: 'del', key: place(entry) })),
      ...puts.map((entry) => ({ type: 'put', key: place(entry), value: entry.item })),
    ];
  });
  if (after == null) return store.db.batch(changes, done);
  entries.set(after, changes);
  done();
};
db.create = (options) => {
  const store = create(options);
  const { getItemDb } = store;
  store.getItemDb = (name) => ({
    ...getItemDb(name),
    put: (key, value, done) => {
      const row = { type: 'put', key: 'item-' + name + '~' + key, value };
      store.db.batch([...(entries.get(value) ?? []), row], done);
    },
  });
  return store;
};

const server = require(workerData.dynalite)(workerData.options);
server.on('error', (error) => { throw error; });
// An idle connection that the server closes just as the next call goes out would be that call's failure.
server.keepAliveTimeout = 0;
server.listen(workerData.port, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));

// dynalite reads no more of a call than this, and checks no signature.
const headers = {
  'content-type': 'application/x-amz-json-1.0',
  authorization: 'AWS4-HMAC-SHA256 Credential=embedded, SignedHeaders=host, Signature=none',
  'x-amz-date': '20260101T000000Z',
};
parentPort.on('message', (message) => {
  if (message === 'stop') {
    server.closeAllConnections();
    server.close(() => process.exit(0));
    return;
  }
  const { id, operation, body } = message;
  const target = { 'x-amz-target': 'DynamoDB_20120810.' + operation };
  const request = Object.assign(new EventEmitter(), {
    method: 'POST',
    url: '/',
    headers: { ...headers, ...target },
  });
  const response = {
    setHeader() {},
    end(text) {
      parentPort.postMessage({ id, status: response.statusCode, body: text });
    },
  };
  server.emit('request', request, response);
  request.emit('data', body);
  request.emit('end');
});
`;
