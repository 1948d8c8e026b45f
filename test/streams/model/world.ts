/** Everything of one run of the model: the grid, its servers, the clients, and what can go wrong between them. */
import { expect } from 'vitest';
import { workState } from '../../../src/grids/htc-grid/status.js';
import { refusalOf } from '../../../src/grids/htc-grid/push/stream-calls.js';
import type { StreamCalls } from '../../../src/grids/htc-grid/push/stream-calls.js';
import { FakeStream } from '../../htc-grid/fake-stream.js';
import { HandClock } from '../hand-clock.js';
import type { Wish } from './client.js';
import { Client } from './client.js';
import { isEnd, ModelGrid } from './grid.js';
import type { Session } from './grid.js';
import type { Server } from './server.js';
import type { ModelRedis } from './redis.js';
import { Deployed, Embedded, Hints } from './server.js';

const everything: Wish = { kind: 'snapshot', maxBatch: 3, maxWaitMs: 0, minIntervalMs: 0 };

export abstract class World {
  readonly clients: Client[] = [];
  abstract readonly grid: ModelGrid;
  abstract readonly servers: Server[];
  /** After so long without trouble a server knows what the table has. */
  abstract readonly quietMs: number;

  constructor(readonly clock = new HandClock()) {}

  /** Whether every position that was told of has to be one that a client can go on from here. */
  positionsHold(_server: Server): boolean {
    return false;
  }

  server(n: number): Server {
    // There is at least one.
    return this.servers[n % this.servers.length] as Server;
  }

  announce(tasks: number): void {
    this.grid.announce(tasks);
  }

  submit(session: Session, tasks: number): void {
    this.grid.submit(session, tasks);
    if (session.submitted === session.tasks)
      for (const { logs } of this.servers) logs.expect(session.id, session.tasks);
  }

  subscribe(sessions: readonly Session[], wish: Wish, server: number): void {
    const client = new Client(this.grid, sessions, wish, (at) => this.positionsHold(at));
    this.clients.push(client);
    client.connect(this.server(server));
  }

  /** A server dies, with the connections to it, and another is in its place. */
  async restart(server: number): Promise<void> {
    const at = server % this.servers.length;
    const before = this.server(at);
    for (const client of this.clients) if (client.server === before) await client.leave();
    this.servers[at] = this.serve();
    await before.stop();
  }

  protected abstract serve(): Server;

  /** All faults are over. */
  abstract mend(): void;

  /** So that there is something to happen to from the first moment on. */
  begin(): void {
    this.announce(4);
    for (const session of this.grid.sessions) this.submit(session, 3);
    this.subscribe([...this.grid.sessions], everything, 0);
  }

  /** What was promised on the way. */
  check(): void {
    expect(this.grid.broken).toEqual([]);
  }

  /** All is quiet at last, every client comes back with its cursor: what it knows is what the table has. */
  async settle(): Promise<void> {
    this.mend();
    for (const session of this.grid.sessions)
      this.submit(session, session.tasks - session.submitted);
    await this.#pullAll();
    for (let waited = 0; waited < this.quietMs; waited += 5000) {
      await this.clock.advance(5000);
      await this.#pullAll();
    }
    for (const client of this.clients) {
      await client.leave();
      client.connect(this.server(0));
    }
    for (let waited = 0; waited < this.quietMs / 5; waited += 5000) {
      await this.clock.advance(5000);
      await this.#pullAll(false);
    }
    for (const client of this.clients) this.#expectTable(client);
    this.check();
  }

  /** Everybody leaves, everything stops: no timer is left. */
  async stop(): Promise<void> {
    for (const client of this.clients) await client.leave();
    for (const server of this.servers) await server.stop();
  }

  async #pullAll(again = true): Promise<void> {
    for (const client of this.clients) {
      if (!client.connected && again) client.connect(this.server(this.clients.indexOf(client)));
      while ((await client.pull()) !== undefined);
    }
  }

  #expectTable(client: Client): void {
    let isOver = true;
    for (const session of client.sessions)
      for (const taskId of this.grid.taskIds(session)) {
        const state = this.grid.stateOf(taskId);
        if (state === undefined || !isEnd(state)) isOver = false;
        else if (client.expectsAll || client.told.has(taskId))
          expect(client.stateOf(taskId), `${taskId} at the end`).toBe(workState(state));
      }
    client.expectWhole();
    expect(client.complete, 'END COMPLETE at the end').toBe(isOver);
  }
}

export class EmbeddedWorld extends World {
  readonly quietMs = 5000;
  readonly grid: ModelGrid;
  readonly servers: Embedded[];

  constructor() {
    super();
    this.grid = new ModelGrid(this.clock, {
      written: (now, before) => {
        this.servers[0]?.written(now, before);
      },
      output: () => undefined,
    });
    this.servers = [this.serve()];
  }

  override announce(tasks: number): void {
    const { id } = this.grid.announce(tasks);
    void this.servers[0]?.logs.begin(id);
  }

  protected override serve(): Embedded {
    return new Embedded(this.grid);
  }

  mend(): void {
    Object.assign(this.grid.table, { answerMs: 0, failures: 0, lagMs: 0 });
  }
}

export class DeployedWorld extends World {
  /** Everything is looked at once a minute, and 30 s may pass before a source that failed is tried again. */
  readonly quietMs: number = 110_000;
  readonly grid: ModelGrid;
  readonly servers: Deployed[];
  readonly stream = new FakeStream(2);
  readonly hints: Hints;
  /** Stream calls that fail from now on, by name. */
  readonly refused: string[] = [];

  /** @param redis which the servers share, where they do */
  constructor(
    private readonly redis?: ModelRedis,
    servers = 2,
  ) {
    super(redis?.clock);
    this.hints = new Hints(() => this.grid);
    this.grid = new ModelGrid(this.clock, {
      written: (now, before) => {
        this.stream.write(now['task_id']?.S ?? '', now, before);
      },
      output: (taskId) => {
        this.hints.written(taskId);
      },
    });
    this.enableStream(true);
    this.servers = Array.from({ length: servers }, () => this.serve());
  }

  enableStream(isOn: boolean): void {
    if (!isOn) this.stream.disable();
    else if (this.stream.specification.LatestStreamArn === undefined) this.stream.enable();
    this.grid.table.described = this.stream.specification;
  }

  mend(): void {
    Object.assign(this.grid.table, { answerMs: 0, failures: 0, lagMs: 0 });
    this.refused.length = 0;
    this.stream.release();
    this.enableStream(true);
    Object.assign(this.hints, { lost: 0, delayMs: 0, works: true });
  }

  protected override serve(): Deployed {
    // At once, where the fake waits for a turn: time stands still meanwhile.
    const calls: StreamCalls = {
      send: async (operation, input, signal) => {
        signal.throwIfAborted();
        const name = this.refused.shift();
        try {
          if (name !== undefined) throw Object.assign(new Error(name), { name });
          return this.stream.answer(operation, input);
        } catch (error) {
          throw refusalOf(error) ?? error;
        }
      },
    };
    return new Deployed(this.grid, { calls, hints: this.hints, replica: this.redis?.replica() });
  }
}

/** The servers of a deployed grid as replicas: they share one log of each session over Redis. */
export class ReplicatedWorld extends DeployedWorld {
  /** A lease may have to run out before. */
  override readonly quietMs = 130_000;

  constructor(
    readonly shared: ModelRedis,
    servers: number,
  ) {
    super(shared, servers);
  }

  override begin(): void {
    super.begin();
    this.subscribe([...this.grid.sessions], everything, 1);
  }

  override positionsHold({ replica }: Server): boolean {
    return this.shared.isWhole && !this.shared.isDown && replica?.isCutOff !== true;
  }

  /** Without a word: what it leased is kept until that has run out. */
  async die(server: number): Promise<void> {
    this.server(server).replica?.die();
    await this.restart(server);
  }

  override mend(): void {
    super.mend();
    Object.assign(this.shared, { isDown: false, unanswered: 0 });
    for (const { replica } of this.servers) replica?.cutOff(false);
  }

  nameOf({ id }: Session): string {
    return this.server(0).logs.nameOf(id);
  }
}
