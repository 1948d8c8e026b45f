/**
 * The session registry in a file: one JSON object a line, appended and synced, the last line of a
 * session counts. A line torn by a crash is left out, and the file is written anew when it has
 * gathered more old lines than sessions.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asGridError, GridError } from '../../errors.js';
import type { Begun, SessionEntry, SessionRegistry } from './registry.js';
import { holdOver } from './registry.js';
import { parseEntry } from './registry-entry.js';
import { RegistryMirror } from './registry-mirror.js';

/** Lines beyond twice the sessions that are tolerated before the file is written anew. */
const slackLines = 1000;

interface Waiting {
  readonly line: string;
  readonly done: (error: unknown) => void;
}

export class FileRegistry extends RegistryMirror implements SessionRegistry {
  readonly #hold = holdOver((entry) => this.put(entry));
  #file: FileHandle;
  #lines: number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  private constructor(
    private readonly path: string,
    file: FileHandle,
    lines: number,
  ) {
    super();
    this.#file = file;
    this.#lines = lines;
  }

  static async open(path: string): Promise<FileRegistry> {
    await mkdir(dirname(path), { recursive: true });
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
      throw error;
    });
    const lines = text.split('\n').filter((line) => line !== '');
    const file = await open(path, 'a');
    const registry = new FileRegistry(path, file, lines.length);
    for (const [index, line] of lines.entries()) {
      const entry = parseEntry(line);
      if (entry !== undefined) await registry.memory.put(entry);
      else if (index < lines.length - 1) {
        await file.close();
        throw new GridError(
          'UNAVAILABLE',
          `The session registry ${path} is damaged in line ${String(index + 1)}: expected one JSON entry a line. Repair or move the file.`,
        );
      }
    }
    // A torn last line has no newline: the next entry must not be glued to it.
    if (text !== '' && !text.endsWith('\n')) await registry.#compact();
    return registry;
  }

  look(): Promise<void> {
    return this.memory.look();
  }

  async begin(entry: SessionEntry): Promise<Begun> {
    const earlier = this.memory.earlier(entry);
    if (earlier !== undefined) return { earlier };
    try {
      // In memory at once: a second submission with the same key finds it.
      await this.put(entry);
      return { hold: this.#hold };
    } catch (error) {
      const { code, message } = asGridError(error);
      const why = { code, message, path: null };
      await this.memory.put({ ...entry, state: 'FAILED', error: why });
      throw error;
    }
  }

  async take(session: string) {
    const taken = await this.memory.take(session);
    return taken && { entry: taken.entry, hold: this.#hold };
  }

  halt(): Promise<void> {
    return this.memory.halt();
  }
  settled(): Promise<void> {
    return this.memory.settled();
  }

  async put(entry: SessionEntry): Promise<void> {
    await this.memory.put(entry);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({
        line: JSON.stringify(entry),
        done: (error) => {
          if (error === undefined) resolve();
          else reject(asUnavailable(error, this.path));
        },
      });
      this.#writing ??= this.#write();
    });
  }

  async stop(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  /** Everything that waits goes in one write and one sync; what comes meanwhile goes in the next. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      let failure: unknown;
      try {
        await this.#file.appendFile(batch.map(({ line }) => `${line}\n`).join(''));
        await this.#file.datasync();
        this.#lines += batch.length;
        if (this.#lines > 2 * this.entries().length + slackLines) await this.#compact();
      } catch (error) {
        failure = error;
        // Half a line may be in the file: the next write ends in a new file.
        this.#lines = Infinity;
      }
      for (const { done } of batch) done(failure);
    }
    this.#writing = undefined;
  }

  async #compact(): Promise<void> {
    const entries = [...this.entries()].reverse();
    const draft = `${this.path}.new`;
    const file = await open(draft, 'w');
    await file.appendFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    await file.datasync();
    await file.close();
    await rename(draft, this.path);
    await this.#file.close();
    this.#file = await open(this.path, 'a');
    this.#lines = entries.length;
  }
}

const asUnavailable = (error: unknown, path: string): GridError =>
  new GridError('UNAVAILABLE', `The session registry ${path} can't be written.`, { cause: error });
