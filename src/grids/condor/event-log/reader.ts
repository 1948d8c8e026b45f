/**
 * Follows an event log through rotations and truncations: each record that is written after `begin` is
 * told once, in the order of the file. A file that is renamed is read to its end before the next one.
 */
import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemClock, type Clock } from '../../../streams/clock.js';
import type { EventPlace } from '../../job-logs.js';
import { identityOf, inodeOf, openFile, successorOf, type OpenFile } from './files.js';
import { lookBackBytes, RecordCutter } from './framing.js';
import type { Origin } from './past.js';

export interface ReadRecord {
  readonly text: string;
  /** Where it ends; undefined where the file is not to be recognized. */
  readonly place: EventPlace | undefined;
  /** Whether nothing will be told that stands before it. */
  readonly inOrder: boolean;
}

export interface EventLogOptions {
  readonly path: string;
  /** Where the log stands as following begins; not called where it can't be read then. */
  readonly onBegin?: (origin: Origin) => void;
  readonly onRecords: (records: readonly ReadRecord[]) => void;
  /** Something may have been missed, before what is told from here on: what else tells of it should be asked. */
  readonly onGap: (why: string) => void;
  /** The log can be read (undefined), or why it can not be. Called when that changes. */
  readonly onTrouble: (trouble: string | undefined) => void;
  /**
   * Milliseconds after which the file is looked at without a notification. Default 1000: changes are
   * told by the system, except on network file systems.
   */
  readonly lookMs?: number;
  readonly clock?: Clock;
}

const chunkBytes = 256 * 1024;
/** The system stamps files with a clock that moves in steps. */
const clockStepMs = 50;
/** A writer that had opened a file before it was rotated may add to it a little later. */
const lateMs = 3_000;
/** A rotated log has no file under its name until the next event is written; this long is not worth a word. */
const absentMs = 2_000;
/** Read again with what follows: where they have changed the file was truncated, however long it is by now. */
const overlapBytes = 256;

interface Current extends OpenFile {
  /** Set with its first event. */
  identity: string | undefined;
  /** What followed it may be gone: its places say nothing of what was told. */
  isTorn: boolean;
  position: number;
  /** What stands before the position. */
  overlap: Buffer;
  modifiedNs: bigint;
  readonly cutter: RecordCutter;
}

export class EventLogReader {
  readonly #options: EventLogOptions;
  readonly #clock: Clock;
  readonly #buffer = Buffer.allocUnsafe(chunkBytes + overlapBytes);
  #current: Current | undefined;
  /** The file before: read on for a while. */
  #late: { readonly file: Current; readonly untilMs: number } | undefined;
  #trouble: string | undefined = 'not looked at yet';
  #absentSinceMs: number | undefined;
  #begunAtMs = 0;
  #begun = false;
  #watcher: FSWatcher | undefined;
  #cancelLook: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Why the log can't be read now. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Resolves when what is written from now on will be told, or when it is known that the log can't be read. */
  async begin(): Promise<void> {
    this.#begunAtMs = this.#clock.now();
    await this.#look();
    this.#begun = true;
    this.#schedule();
  }

  /** Everything that is in the files now has been told when it resolves. */
  async drained(): Promise<void> {
    await this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelLook?.();
    this.#unwatch();
    await this.#running;
    await this.#current?.handle.close();
    await this.#late?.file.handle.close();
    this.#current = undefined;
    this.#late = undefined;
  }

  /** One look at a time; who asks during one gets another behind it. */
  async #look(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#looks().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #looks(): Promise<void> {
    do {
      this.#again = false;
      if (this.#stopped) return;
      try {
        this.#watch();
        await this.#step();
      } catch (error) {
        await this.#abandon();
        this.#say(error instanceof Error ? error.message : String(error));
      }
    } while (this.#again);
  }

  async #step(): Promise<void> {
    const { path, onGap } = this.#options;
    await this.#readLate();
    if (this.#current === undefined) {
      const file = await openFile(path);
      if (file === undefined) return this.#say(`There is no ${path}.`);
      await this.#enter(file);
      if (this.#begun) onGap('the log could not be read for a while');
    }
    for (;;) {
      const current = this.#current;
      if (current === undefined) return;
      await this.#drain(current);
      const inode = await inodeOf(path);
      if (inode === current.inode) {
        this.#absentSinceMs = undefined;
        return this.#say(undefined);
      }
      const successor = await successorOf(path, current.inode, current.modifiedNs);
      switch (successor.kind) {
        case 'newest':
          // Renamed, and nothing written since.
          return this.#say(undefined);
        case 'none':
          return this.#vanished();
        case 'gap':
          current.isTorn = true;
          await this.#follow(successor.file);
          onGap('files of the log were removed before they were read');
          break;
        case 'next':
          await this.#follow(successor.file);
          // What was written until the next file was begun is in the old one by now.
          await this.#drain(current);
          break;
        default:
          return successor satisfies never;
      }
    }
  }

  /** A file that was begun after following did is read from its start, another from its end. */
  async #enter(file: OpenFile): Promise<void> {
    const current = (this.#current = begun(file));
    const info = await file.handle.stat({ bigint: true });
    const size = Number(info.size);
    current.modifiedNs = info.mtimeNs;
    if (this.#begun && Number(info.birthtimeMs) >= this.#begunAtMs - clockStepMs) return;
    current.position = Math.max(0, size - lookBackBytes);
    current.cutter.reset(current.position);
    while (current.position < size) {
      const bytes = await this.#read(current, size - current.position);
      if (bytes === undefined || bytes.length === 0) break;
      current.cutter.push(bytes);
    }
    current.identity = await identityOf(file.handle);
    if (this.#begun) return;
    const { inode, identity, cutter } = current;
    this.#options.onBegin?.({ inode, file: identity, offset: cutter.offset });
  }

  async #follow(file: OpenFile): Promise<void> {
    const older = this.#late?.file;
    const old = this.#current;
    this.#late = old && { file: old, untilMs: this.#clock.uptime() + lateMs };
    this.#current = begun(file);
    this.#absentSinceMs = undefined;
    await older?.handle.close();
  }

  async #drain(file: Current): Promise<void> {
    file.modifiedNs = (await file.handle.stat({ bigint: true })).mtimeNs;
    while (!this.#stopped) {
      const bytes = await this.#read(file, chunkBytes);
      if (bytes === undefined) {
        this.#rewind(file);
        continue;
      }
      if (bytes.length === 0) return;
      const records = file.cutter.push(bytes);
      if (records.length === 0) continue;
      const identity = (file.identity ??= await identityOf(file.handle));
      // As long as the file before is read on, what it gets stands before what this one has.
      const inOrder = file === (this.#late?.file ?? this.#current);
      this.#options.onRecords(
        records.map(({ text, end }) => ({
          text,
          place:
            identity === undefined || file.isTorn ? undefined : { file: identity, offset: end },
          inOrder,
        })),
      );
    }
  }

  /** The bytes that follow, none at the end of the file; undefined where it is not the one that was read so far. */
  async #read(file: Current, limit: number): Promise<Buffer | undefined> {
    const { handle, overlap, position } = file;
    const length = overlap.length + Math.min(chunkBytes, limit);
    const from = position - overlap.length;
    const { bytesRead } = await handle.read(this.#buffer, 0, length, from);
    const bytes = Buffer.from(this.#buffer.subarray(0, bytesRead));
    if (!bytes.subarray(0, overlap.length).equals(overlap)) return undefined;
    file.position = from + bytesRead;
    file.overlap = Buffer.from(bytes.subarray(-overlapBytes));
    return bytes.subarray(overlap.length);
  }

  /** Truncated: what was written before may be gone unread. */
  #rewind(file: Current): void {
    file.position = 0;
    file.overlap = Buffer.alloc(0);
    file.cutter.reset(0);
    file.identity = undefined;
    // What a renamed file gets from now on stands nowhere: there is a younger one.
    file.isTorn = file !== this.#current;
    this.#options.onGap('the log was truncated');
  }

  async #readLate(): Promise<void> {
    if (this.#late === undefined) return;
    const { file, untilMs } = this.#late;
    await this.#drain(file);
    if (this.#clock.uptime() < untilMs) return;
    this.#late = undefined;
    await file.handle.close();
  }

  async #vanished(): Promise<void> {
    const nowMs = this.#clock.now();
    this.#absentSinceMs ??= nowMs;
    if (nowMs - this.#absentSinceMs < absentMs) return;
    await this.#abandon();
    this.#options.onGap('the log was removed');
    this.#say(`There is no ${this.#options.path}.`);
  }

  async #abandon(): Promise<void> {
    const files = [this.#current, this.#late?.file];
    this.#current = undefined;
    this.#late = undefined;
    // A file that was begun since then is new.
    this.#begunAtMs = this.#absentSinceMs ?? this.#clock.now();
    this.#absentSinceMs = undefined;
    await Promise.allSettled(files.map(async (file) => file?.handle.close()));
  }

  #say(trouble: string | undefined): void {
    if (trouble === this.#trouble || this.#stopped) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancelLook = this.#clock.after(this.#options.lookMs ?? 1_000, () => {
      void this.#look().then(() => this.#schedule());
    });
  }

  /** The folder is watched: the file in it is another one after each rotation. */
  #watch(): void {
    if (this.#watcher !== undefined) return;
    const name = basename(this.#options.path);
    try {
      this.#watcher = watch(dirname(this.#options.path), { persistent: false }, (_event, file) => {
        if (file === null || file.startsWith(name)) void this.#look();
      });
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // Looked at now and then, it is watched as soon as that is possible.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

/** Owned by the reader before it is read for the first time: whatever fails then, it is closed. */
const begun = (file: OpenFile): Current => ({
  ...file,
  identity: undefined,
  isTorn: false,
  position: 0,
  overlap: Buffer.alloc(0),
  modifiedNs: 0n,
  cutter: new RecordCutter(),
});
