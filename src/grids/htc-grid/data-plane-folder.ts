/** A data plane in a folder of files, one folder for each session: survives a restart. */
import { mkdir, open, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GridError } from '../../errors.js';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import { eachOf, mapOf } from './concurrency.js';
import type { DataPlane, StoredText } from './data-plane.js';

const parallelFiles = 8;
const label = 'The data folder';

export class FolderDataPlane implements DataPlane {
  #temporary = 0;

  private constructor(
    private readonly folder: string,
    private readonly onCall: OnCall | undefined,
  ) {}

  static async open(folder: string, onCall?: OnCall): Promise<FolderDataPlane> {
    await mkdir(folder, { recursive: true });
    return new FolderDataPlane(folder, onCall);
  }

  put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    return timed('data-write', label, this.onCall, signal, () =>
      eachOf(entries, parallelFiles, async ([key, text]) => {
        signal?.throwIfAborted();
        const place = this.#place(key);
        if (place === undefined)
          throw new GridError(
            'BAD_USER_INPUT',
            `${JSON.stringify(key)} is no key of the data plane.`,
          );
        const { folder, file } = place;
        await mkdir(folder, { recursive: true });
        // Renamed into place: a reader never sees half a value.
        const draft = `${file}.${String(process.pid)}-${String(this.#temporary++)}`;
        await writeFile(draft, text, 'latin1');
        await rename(draft, file);
      }),
    );
  }

  async get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    return (await this.getMany([key], maxChars, signal))[0];
  }

  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    return timed('data-read', label, this.onCall, signal, () =>
      mapOf(keys, parallelFiles, async (key) => {
        const place = this.#place(key);
        return place === undefined ? undefined : readHead(place.file, maxChars);
      }),
    );
  }

  async probe(): Promise<string> {
    return `${String((await readdir(this.folder)).length)} sessions in a folder`;
  }

  async stop(): Promise<void> {
    // Nothing is held open between calls.
  }

  /** Undefined for a key that is not made of a task's or a session's id: keys come from clients. */
  #place(key: string): { readonly folder: string; readonly file: string } | undefined {
    const session = /^([A-Za-z0-9-]{1,64}?)(_\d{1,15})?-(input|output|error|payload)$/.exec(
      key,
    )?.[1];
    if (session === undefined) return undefined;
    const folder = join(this.folder, session);
    return { folder, file: join(folder, key) };
  }
}

async function readHead(path: string, maxChars: number): Promise<StoredText | undefined> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(size, maxChars));
    await file.read(head, 0, head.length, 0);
    const end = Buffer.alloc(Math.min(size, 2));
    await file.read(end, 0, end.length, size - end.length);
    return { text: head.toString('latin1'), chars: size, end: end.toString('latin1') };
  } finally {
    await file.close();
  }
}
