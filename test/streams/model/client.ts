/** A client of the model: it keeps its cursor, and checks what it can of each frame and of all of them together. */
import { expect } from 'vitest';
import { workState } from '../../../src/grids/htc-grid/status.js';
import type { Completion } from '../../../src/grids/tasks.js';
import type { CompletionLog, EntriesFrame } from '../../../src/streams/index.js';
import { decodeCursor } from '../../../src/streams/index.js';
import type { Subscriber } from '../subscriber.js';
import { subscribe } from '../subscriber.js';
import type { ModelGrid, Session } from './grid.js';
import { isEnd } from './grid.js';
import type { Server } from './server.js';
import { covers, isVague } from './server.js';

type Frame = EntriesFrame<Completion>;

export interface Wish {
  readonly kind: 'now' | 'snapshot';
  readonly maxBatch: number;
  readonly maxWaitMs: number;
  readonly minIntervalMs: number;
}

export class Client {
  /** Everything it was told, by task. */
  readonly told = new Map<string, Completion[]>();
  readonly #wish: Wish;
  #cursor: string | undefined;
  #subscriber: Subscriber<Frame> | undefined;
  #leaving = new AbortController();
  #isOpening = false;
  /** Whether its cursor must be good where it is connected now. */
  #holds = false;
  /** How many ends of its story each task has behind it in this stretch; a GAP begins another. */
  readonly #order = new Map<string, number>();
  /** By epoch: the log, and from where to where it was told. */
  readonly #told = new Map<string, { log: CompletionLog<Completion>; from: number; to: number }>();
  #stage: 'START' | 'GAP' | 'SNAPSHOT' | 'LIVE' = 'START';
  /** Sessions whose log is lost, until there is another in its place; those beside them go on. */
  readonly #lost = new Set<string>();
  complete = false;
  /** The last one it was connected to. */
  server: Server | undefined;

  constructor(
    private readonly grid: ModelGrid,
    readonly sessions: readonly Session[],
    wish: Wish,
    private readonly positionsHold: (server: Server) => boolean,
  ) {
    this.#wish = wish;
  }

  /** False where it asked for what comes from then on alone. */
  get expectsAll(): boolean {
    return this.#wish.kind === 'snapshot';
  }

  get connected(): boolean {
    return this.#subscriber !== undefined || this.#isOpening;
  }

  /** From its cursor, where it has one. Refused where the table does not answer; then it is not connected. */
  connect(server: Server): void {
    if (this.connected) return;
    this.server = server;
    const { logs } = server;
    const { kind, ...delivery } = this.#wish;
    const leaving = (this.#leaving = new AbortController());
    const { signal } = leaving;
    const open = async (session: string) => {
      const log = await logs.follow(session, signal);
      this.#know(log);
      this.#lost.delete(session);
      return log;
    };
    const cursor = this.#cursor;
    this.#isOpening = true;
    this.#stage = 'START';
    this.#lost.clear();
    this.complete = false;
    void Promise.all(this.sessions.map(({ id }) => open(id))).then(
      (all) => {
        if (this.#leaving !== leaving || signal.aborted) return;
        this.#isOpening = false;
        this.#holds = this.positionsHold(server);
        this.#subscriber = subscribe<Completion>(all, {
          clock: this.grid.clock,
          signal,
          start: cursor === undefined ? { kind } : { kind: 'after', cursor },
          delivery: { ...delivery, heartbeatMs: 15_000 },
          reopen: ({ name }) => open(name.split(':').at(-1) ?? ''),
        });
      },
      (error: unknown) => {
        if (signal.aborted) return;
        leaving.abort(error);
        if (this.#leaving === leaving) this.#isOpening = false;
      },
    );
  }

  async leave(): Promise<void> {
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    this.#isOpening = false;
    this.#leaving.abort(new Error('The client has left.'));
    await subscriber?.source.return();
  }

  /** Takes the next frame, where there is one. */
  async pull(): Promise<Frame | undefined> {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return undefined;
    let frame: Frame | undefined;
    try {
      frame = await subscriber.poll();
    } catch (error) {
      // A log that could not be opened in the place of a lost one: it comes back with its cursor.
      if (
        !/does not answer|no session|stopped|throttled|no longer|not followed|lost what/i.test(
          String(error),
        )
      )
        throw error;
      await this.leave();
      return undefined;
    }
    if (frame === undefined) {
      if (subscriber.finished) await this.leave();
      return undefined;
    }
    this.#take(frame);
    if (frame.kind === 'END') await this.leave();
    return frame;
  }

  /** The end that it knows of a task. */
  stateOf(taskId: string): string | undefined {
    return this.told.get(taskId)?.at(-1)?.state;
  }

  /** Everything of the logs it read, up to where it stands, has been told. */
  expectWhole(): void {
    for (const { log, from, to } of this.#told.values())
      for (const { taskId, revision } of log.read(from, Math.max(0, to - from)))
        expect(
          this.told.get(taskId)?.some((entry) => entry.revision === revision),
          `${taskId} ${revision} of ${log.name} was not told`,
        ).toBe(true);
  }

  #know(log: CompletionLog<Completion>): void {
    const known = this.#told.get(log.epoch);
    if (known !== undefined) {
      // Of those that replicas have of one log the newest knows most.
      known.log = log;
      return;
    }
    const isFirst = this.#cursor === undefined && this.#wish.kind === 'now';
    // Until the first frame says where now was.
    this.#told.set(log.epoch, { log, from: isFirst ? Infinity : 0, to: 0 });
  }

  #take(frame: Frame): void {
    this.#cursor = frame.cursor;
    this.#expectKind(frame);
    if (frame.kind === 'GAP') this.#order.clear();
    if (this.#holds) expect(frame.gap?.reason).not.toBe('CURSOR_EXPIRED');
    for (const entry of frame.entries) {
      this.#expectOrder(entry);
      const all = this.told.get(entry.taskId) ?? [];
      this.told.set(entry.taskId, [...all, entry]);
    }
    for (const { epoch, position } of decodeCursor(frame.cursor)) {
      const one = this.#told.get(epoch);
      if (one === undefined || frame.kind === 'GAP') continue;
      one.to = Math.max(one.to, position);
      one.from = Math.min(one.from, position);
    }
    if (frame.end?.reason === 'COMPLETE') {
      this.complete = true;
      if (this.#wish.kind === 'snapshot') this.#expectAll();
    }
  }

  #expectKind({ kind, gap, live, entries }: Frame): void {
    switch (kind) {
      case 'GAP':
        this.#stage = 'GAP';
        if (gap?.reason === 'SOURCE_LOST')
          for (const { id } of this.sessions)
            if (gap.detail?.includes(id) === true) this.#lost.add(id);
        break;
      case 'SNAPSHOT':
        expect(this.#stage).not.toBe('LIVE');
        this.#stage = 'SNAPSHOT';
        break;
      case 'SYNCED':
        expect(this.#stage).not.toBe('LIVE');
        expect([...this.#lost]).toEqual([]);
        this.#stage = 'LIVE';
        break;
      case 'CHANGES':
        // Behind a cursor that is good, what was missed comes before SYNCED.
        if (this.sessions.length === 1) expect(this.#stage).not.toBe('GAP');
        for (const { taskId } of entries)
          expect([...this.#lost].some((id) => taskId.startsWith(`${id}_`))).toBe(false);
        break;
      case 'HEARTBEAT':
      case 'END':
        break;
      default:
        kind satisfies never;
    }
    if (live) expect(this.#stage).toBe('LIVE');
    expect(entries.length > 0).toBe(kind === 'SNAPSHOT' || kind === 'CHANGES');
    expect(entries.length).toBeLessThanOrEqual(this.#wish.maxBatch);
  }

  /**
   * Each is an end that there was, and none comes behind a later one of its task. Where an index told of it, which can
   * be ahead of a stream, nobody knows which of several alike it was.
   */
  #expectOrder(entry: Completion): void {
    const { taskId, revision } = entry;
    const from = this.#order.get(taskId) ?? 0;
    const at = this.grid
      .story(taskId)
      .findIndex((one) => isEnd(one.state) && covers(entry, workState(one.state), one.revision));
    expect(at, `${taskId} ${revision} never was`).toBeGreaterThanOrEqual(0);
    if (isVague(entry)) return;
    expect(at, `${taskId} ${revision} came behind a later end`).toBeGreaterThanOrEqual(from);
    this.#order.set(taskId, at);
  }

  #expectAll(): void {
    for (const { id, tasks } of this.sessions)
      for (let index = 0; index < tasks; index++)
        expect(
          this.told.has(`${id}_${String(index)}`),
          `END COMPLETE without ${id}_${String(index)}`,
        ).toBe(true);
  }
}
