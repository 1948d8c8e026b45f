/**
 * The real Redis that the servers of the model share. Its time is that of the model: leases expire and reads that block
 * end by the clock in the test's hand, which stands still until Redis has answered all that it was sent.
 */
import { Redis, type Command, type RedisOptions } from 'ioredis';
import { SharedLogs } from '../../../src/streams/index.js';
import type { RedisServer } from '../../real/redis.js';
import { HandClock, settle } from '../hand-clock.js';

const leaseMs = 12_000;
/** In Redis' own time nothing expires within a run. */
const longMs = 3_600_000;
const closed = 'Connection is closed.';

export interface Replica {
  readonly logs: SharedLogs;
  /** True while it does not reach Redis. */
  readonly isCutOff: boolean;
  cutOff(isCutOff: boolean): void;
  /** Its connections break off, and come back at once. */
  cut(): void;
  /** Gone without a word: nothing is given back. */
  die(): void;
  stop(): Promise<void>;
}

export class ModelRedis {
  readonly clock: HandClock = new RedisClock(() => this.#quiet());
  /** Nobody reaches it. */
  isDown = false;
  /** The next commands are carried out, and their answers are lost with the connection. */
  unanswered = 0;
  /** Whether it has always had what was written to it. */
  isWhole = true;
  readonly #control: Redis;
  readonly #connections = new Set<Connection>();
  readonly #pending = new Set<Promise<unknown>>();
  readonly #seen = new WeakSet<Command>();
  /** What ends the time of a lease, by its token. */
  readonly #leases = new Map<string, () => void>();
  #saved: readonly { readonly key: string; readonly value: Buffer }[] = [];
  #sent = 0;
  #quietAt = 0;
  #replicas = 0;

  private constructor(private readonly server: RedisServer) {
    this.#control = new Redis(server.port);
  }

  static async open(server: RedisServer): Promise<ModelRedis> {
    const redis = new ModelRedis(server);
    await redis.#control.flushall();
    return redis;
  }

  replica(): Replica {
    const own: Connection[] = [];
    const line = { isCutOff: false };
    const logs = new SharedLogs(
      {
        replica: String(this.#replicas++),
        leaseMs,
        key: (...parts) => ['model', ...parts].join(':'),
        connection: (options) => {
          const connection = new Connection(this.server.port, options ?? {}, this, line);
          own.push(connection);
          this.#connections.add(connection);
          return connection;
        },
      },
      { clock: this.clock },
    );
    const cut = () => {
      for (const connection of own) connection.cut();
    };
    const cutOff = (isCutOff: boolean) => {
      line.isCutOff = isCutOff;
      if (isCutOff) cut();
    };
    const die = () => {
      line.isCutOff = true;
      for (const connection of own) {
        connection.disconnect();
        this.#connections.delete(connection);
      }
    };
    const stop = async () => {
      await logs.stop();
      die();
    };
    return {
      ...{ logs, cut, cutOff, die, stop },
      get isCutOff() {
        return line.isCutOff;
      },
    };
  }

  fall(): void {
    this.isDown = true;
    this.#cut();
  }

  /** As with a holder that stands still for longer than its lease. */
  async expire(log: string): Promise<void> {
    await this.#control.del(keyOf(log, 'lease'));
  }

  async lose(log: string, part: 'head' | 'records'): Promise<void> {
    this.isWhole = false;
    await this.#control.del(keyOf(log, part));
  }

  /** It has lost everything. */
  async empty(): Promise<void> {
    this.isWhole = false;
    await this.#control.flushall();
    await this.#control.script('FLUSH');
    await this.#tick();
  }

  /** What another one has of it, which takes its place with `failOver`. */
  async save(): Promise<void> {
    const keys = await this.#control.keys('model:log-1:*');
    const saved = keys.map(async (key) => ({ key, value: await this.#control.dumpBuffer(key) }));
    this.#saved = (await Promise.all(saved)).flatMap(({ key, value }) =>
      value === null ? [] : [{ key, value }],
    );
  }

  async failOver(): Promise<void> {
    this.isWhole = false;
    this.#cut();
    const over = this.#control.multi().flushall();
    for (const { key, value } of this.#saved) over.restore(key, longMs, value);
    await over.exec();
    for (const { key } of this.#saved)
      if (key.endsWith(':lease')) this.leased(key, (await this.#control.get(key)) ?? '');
  }

  stop(): void {
    this.#control.disconnect();
  }

  /** Passes a command on, as far as it gets. */
  pass(command: Command, connection: Connection, send: () => unknown): void {
    // One that had to wait for the connection comes by again.
    if (!logCommands.has(command.name) || this.#seen.has(command)) {
      send();
      return;
    }
    this.#seen.add(command);
    this.#sent += 1;
    if (this.isDown || connection.line.isCutOff) {
      command.reject(new Error(closed));
      return;
    }
    if (command.name === 'xread') {
      this.#block(command, connection, send);
      return;
    }
    if (this.unanswered > 0) {
      this.unanswered -= 1;
      command.resolve = () => {
        command.reject(new Error(closed));
        connection.cut();
      };
    }
    send();
    this.#await(command.promise);
  }

  /** A read that blocks ends by the clock of the model. */
  #block(command: Command, connection: Connection, send: () => unknown): void {
    const at = command.args.indexOf('BLOCK') + 1;
    const blockMs = Number(command.args[at]);
    command.args[at] = '0';
    const id = connection.client('ID');
    this.#await(id);
    send();
    const cancel = this.clock.after(blockMs, () => {
      this.#sent += 1;
      this.#await(id.then((client) => this.#control.client('UNBLOCK', client)));
    });
    command.promise.then(cancel, cancel);
  }

  /** The lease is held from now on for so long, by the clock of the model. */
  leased(lease: string, token: string): void {
    this.#leases.get(token)?.();
    const expire = () => {
      this.#sent += 1;
      const del = `if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;
      this.#await(this.#control.eval(del, 1, lease, token));
    };
    this.#leases.set(token, this.clock.after(leaseMs + 1, expire));
  }

  #cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  #await(answer: Promise<unknown>): void {
    const done = () => this.#pending.delete(over);
    const over: Promise<unknown> = answer.then(done, done);
    this.#pending.add(over);
  }

  /** Everything was answered, also what an answer led to, and what blocks has been told. */
  async #quiet(): Promise<void> {
    while (this.#quietAt !== this.#sent || this.#pending.size > 0) {
      const sent = this.#sent;
      await Promise.all(this.#pending);
      await this.#control.ping();
      await settle();
      this.#quietAt = sent;
    }
  }

  /** A log that begins later has another time of birth. */
  async #tick(): Promise<void> {
    const time = async () => {
      const [seconds, micros] = await this.#control.time();
      return Math.floor(Number(seconds) * 1000 + Number(micros) / 1000);
    };
    const from = await time();
    while ((await time()) === from);
  }
}

const logCommands = new Set(['eval', 'evalsha', 'xread', 'xrange', 'multi', 'xadd', 'exec']);

const keyOf = (log: string, part: 'lease' | 'head' | 'records'): string =>
  `model:log-1:{${log}}:${part}`;

class Connection extends Redis {
  readonly #redis: ModelRedis;

  constructor(
    port: number,
    options: RedisOptions,
    redis: ModelRedis,
    readonly line: { readonly isCutOff: boolean },
  ) {
    super(port, {
      lazyConnect: true,
      retryStrategy: () => 1,
      ...options,
      replyMapping: 'legacy',
    });
    this.#redis = redis;
    this.on('error', () => undefined);
  }

  /** One that is not there can't break off. */
  cut(): void {
    if (this.status === 'ready') this.disconnect(true);
  }

  override sendCommand(command: Command, ...rest: readonly []): unknown {
    this.#redis.pass(command, this, () => super.sendCommand(command, ...rest));
    return command.promise;
  }

  /** Who visits a log with its token, and leads it then, has the lease. */
  override defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void {
    super.defineCommand(name, definition);
    if (name !== 'htcVisitLog') return;
    const commands = this as unknown as Record<string, (...args: unknown[]) => Promise<unknown[]>>;
    const visit = commands[name]?.bind(this);
    commands[name] = async (...[lease, head, log, token, , ...rest]) => {
      const answer = visit?.(lease, head, log, token, longMs, ...rest);
      // Whether it was given is not always known.
      const found = (await answer?.catch(() => undefined)) ?? [1];
      if (found[0] === 1) this.#redis.leased(String(lease), String(token));
      return (await answer) ?? [];
    };
  }
}

/** Time moves on once Redis is quiet. */
class RedisClock extends HandClock {
  constructor(private readonly quiet: () => Promise<void>) {
    super();
  }

  protected override async settle(): Promise<void> {
    await super.settle();
    await this.quiet();
  }
}
