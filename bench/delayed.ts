/** A TCP port where what a client sends arrives later: the distance of a network on one machine. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

export interface Delayed {
  readonly port: number;
  stop(): Promise<void>;
}

export async function delayed(to: number, delayMs: number): Promise<Delayed> {
  const open = new Set<Socket>();
  const pass = (from: Socket, into: Socket, arrive: (deliver: () => void) => void): void => {
    open.add(from);
    from.setNoDelay(true);
    from.on('error', () => into.destroy());
    from.on('close', () => {
      open.delete(from);
      into.destroy();
    });
    from.on('data', (bytes: Buffer) => {
      arrive(() => into.writable && into.write(bytes));
    });
  };
  const server = createServer((client) => {
    const target = connect(to, '127.0.0.1');
    pass(client, target, (deliver) => setTimeout(deliver, delayMs));
    pass(target, client, (deliver) => deliver());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
