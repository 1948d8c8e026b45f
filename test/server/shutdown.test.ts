/** The orderly end: nothing new, what runs finishes, streams are told, nothing is left open. */
import { connect as connectTcp } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { connect, openSocket, subscribe } from './raw-socket.js';
import { ask, deferred, serve } from './serve.js';

describe('stop', () => {
  it('lets requests in flight finish, and refuses new ones', async () => {
    const served = await serve();
    const inFlight = ask(served, '{ slow }');
    await served.world.begun.promise;
    const stopped = served.server.stop();
    await expect(fetch(served.graphql)).rejects.toThrow();
    served.world.slow.resolve('finished');
    const answer = await inFlight;
    expect([answer.status, answer.data]).toEqual([200, { slow: 'finished' }]);
    await stopped;
  });

  it('turns away work that comes on a connection that is still open', async () => {
    const served = await serve();
    const raw = await openSlowRequest(served.url);
    const stopped = served.server.stop();
    const answer = await raw.finish();
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toContain('"code":"UNAVAILABLE"');
    expect(answer.toLowerCase()).toContain('connection: close');
    await stopped;
  });

  it('does not wait for requests that do not come whole', async () => {
    const served = await serve({ server: { shutdownMs: 600_000 } });
    const head = 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const begun = await Promise.all(
      ['GET / HT', head, `${head}Content-Length: 9\r\n\r\n{"query`].map((text) =>
        beginRequest(served.url, text),
      ),
    );
    const inFlight = ask(served, '{ slow }');
    await served.world.begun.promise;
    const stopped = served.server.stop();
    served.world.slow.resolve('finished');
    expect((await inFlight).data).toEqual({ slow: 'finished' });
    await stopped;
    await Promise.all(begun.map(({ closed }) => closed));
  });

  it('is bounded: a request that does not finish is cut', async () => {
    const served = await serve({ server: { shutdownMs: 100 } });
    const inFlight = ask(served, '{ slow }').catch(() => 'cut');
    await served.world.begun.promise;
    await served.server.stop();
    expect(await inFlight).toBe('cut');
    served.world.slow.resolve('too late');
  });

  it('lets streams say END, then closes their socket with 1001', async () => {
    const served = await serve();
    using socket = await connect(served.socketUrl);
    subscribe(socket, '1', 'subscription { untilDrained }');
    await socket.next();
    const stopped = served.server.stop();
    expect((await socket.next()).payload).toEqual({ data: { untilDrained: 'END SHUTDOWN' } });
    expect(await socket.next()).toEqual({ id: '1', type: 'complete' });
    expect(await socket.closed).toEqual({ code: 1001, reason: 'Going away' });
    await stopped;
  });

  it('closes idle sockets, unacknowledged ones and streams that say nothing with 1001, and ends their sources', async () => {
    const served = await serve({ server: { shutdownMs: 100 } });
    using idle = await connect(served.socketUrl);
    using fresh = await openSocket(served.socketUrl);
    using quiet = await connect(served.socketUrl);
    subscribe(quiet, '1', 'subscription { quiet }');
    await quiet.next();
    await served.server.stop();
    const ends = await Promise.all([idle.closed, fresh.closed, quiet.closed]);
    expect(ends.map(({ code }) => code)).toEqual([1001, 1001, 1001]);
    await vi.waitFor(() => expect(served.world.ended).toBe(1));
    const metrics = await served.metrics.text();
    expect(metrics).toContain('htc_graph_sockets 0');
    expect(metrics).toContain('htc_graph_subscriptions 0');
  });

  it('lets a query over a socket finish, and takes no other', async () => {
    const served = await serve();
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'slow', '{ slow }');
    await served.world.begun.promise;
    const stopped = served.server.stop();
    subscribe(socket, 'new', '{ hello }');
    const refused = await socket.next();
    expect(refused.type).toBe('error');
    expect(refused.payload).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
    served.world.slow.resolve('finished');
    expect((await socket.next()).payload).toEqual({ data: { slow: 'finished' } });
    expect((await socket.next()).type).toBe('complete');
    expect((await socket.closed).code).toBe(1001);
    await stopped;
  });

  it('does not wait for a peer that does not answer the close', async () => {
    const served = await serve({ server: { shutdownMs: 50 } });
    const socket = await connect(served.socketUrl);
    socket.socket.pause();
    await served.server.stop();
    socket.socket.terminate();
  });

  it('may be asked twice', async () => {
    const served = await serve();
    await Promise.all([served.server.stop(), served.server.stop()]);
  });
});

/** A connection on which a request was answered, and the next has come in part. */
async function beginRequest(url: URL, text: string) {
  const socket = connectTcp(Number(url.port), '127.0.0.1');
  let answer = '';
  const closed = deferred();
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.once('close', () => closed.resolve());
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await vi.waitFor(() => {
    if (!answer.includes('OK\n')) throw new Error('No answer yet.');
  });
  answer = '';
  socket.write(text);
  await new Promise((resolve) => setImmediate(resolve));
  return { socket, closed: closed.promise, answer: () => answer };
}

/** A request whose head has come in part: its connection is not idle. */
async function openSlowRequest(url: URL): Promise<{ finish(): Promise<string> }> {
  const body = JSON.stringify({ query: '{ hello }' });
  const { socket, closed, answer } = await beginRequest(
    url,
    'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n',
  );
  return {
    async finish() {
      socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
      await closed;
      return answer();
    },
  };
}
