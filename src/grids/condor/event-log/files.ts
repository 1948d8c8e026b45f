/**
 * The files of an event log: the one that is written to, and those it was renamed to by rotation (`.old`,
 * or `.1`, `.2`, … from the newest). They are told apart by inode, as names move from file to file.
 */
import { constants, open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { RecordCutter } from './framing.js';
import { parseRecord } from './record.js';

export interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: bigint;
}

interface Listed {
  readonly path: string;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
}

/** Undefined where there is none (yet); other trouble is thrown. */
export async function openFile(path: string): Promise<OpenFile | undefined> {
  let handle: FileHandle;
  try {
    // A pipe in its place is found to be one, rather than waited at for a writer.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw new Error(`${path} is not a file.`);
    return { handle, inode: found.ino };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Read to recognize a file. */
const headBytes = 64 * 1024;

/**
 * What a file is recognized by, under whatever name and on every host: its first event of a job. (Its header is
 * written anew when it is rotated, and has no number of its own.) Undefined where there is none yet.
 */
export async function identityOf(handle: FileHandle): Promise<string | undefined> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const records = new RecordCutter().push(buffer.subarray(0, bytesRead));
  const first = records.find(({ text }) => parseRecord(text, Date.now()) !== undefined);
  return first && createHash('sha256').update(first.text).digest().toString('base64url', 0, 9);
}

export interface KnownFile extends OpenFile {
  readonly identity: string | undefined;
  readonly size: number;
}

/** The files from the newest to the one of this identity, open; undefined where it is not there. */
export async function filesSince(
  path: string,
  identity: string,
): Promise<readonly KnownFile[] | undefined> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const list = (await settled(path))?.filter(isInTurn);
    const open: OpenFile[] = [];
    const known: KnownFile[] = [];
    try {
      for (const { path: each, inode } of list ?? []) {
        const file = await openFile(each);
        if (file === undefined) break;
        open.push(file);
        // A rotation came in between: the names mean other files now.
        if (file.inode !== inode) break;
        const { size } = await file.handle.stat();
        known.push({ ...file, size, identity: await identityOf(file.handle) });
        if (known.at(-1)?.identity === identity) {
          open.length = 0;
          return known;
        }
      }
      if (list !== undefined && known.length === list.length) return undefined;
    } finally {
      await Promise.all(open.map(({ handle }) => handle.close()));
    }
    await pause(5);
  }
  return undefined;
}

/** A file that was written to long before those that are older by their names is of another time: `.old` beside `.1`. */
const isInTurn = ({ modifiedNs }: Listed, at: number, files: readonly Listed[]): boolean =>
  files.slice(at + 1).every((older) => older.modifiedNs < modifiedNs + lateNs);

/** What is written to a file after it was renamed is written soon. */
const lateNs = 5_000_000_000n;

export type Successor =
  | { readonly kind: 'next'; readonly file: OpenFile }
  /** The file is not among the log's any more: what came between it and `file` is lost. */
  | { readonly kind: 'gap'; readonly file: OpenFile }
  /** The file is the newest there is. */
  | { readonly kind: 'newest' }
  /** Neither the file nor another is there. */
  | { readonly kind: 'none' };

/** The file that was begun after the one with this inode, which is held open: its number is not used again. */
export async function successorOf(
  path: string,
  inode: bigint,
  modifiedNs: bigint,
): Promise<Successor> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const files = await settled(path);
    const at = files?.findIndex((file) => file.inode === inode) ?? -1;
    // A rotation under way is let pass before the file is taken for gone.
    if (files === undefined || (at === -1 && attempt < 3)) {
      await pause(5);
      continue;
    }
    // Not found: all that are younger come after it, the oldest of them first.
    const next =
      at === -1 ? files.findLast((file) => file.modifiedNs >= modifiedNs) : files[at - 1];
    if (next === undefined) return { kind: at === -1 ? 'none' : 'newest' };
    const file = await openFile(next.path);
    if (file?.inode === next.inode) return { kind: at === -1 ? 'gap' : 'next', file };
    // A rotation came in between: the names mean other files now.
    await file?.handle.close();
  }
  throw new Error(`${path} rotates faster than it can be followed.`);
}

/** The files as they were at one moment: listed twice alike. */
async function settled(path: string): Promise<readonly Listed[] | undefined> {
  const before = await listed(path);
  const now = await listed(path);
  const inodes = (files: readonly Listed[]) => files.map(({ inode }) => inode).join(' ');
  return inodes(before) === inodes(now) ? now : undefined;
}

/** From the newest to the oldest. */
async function listed(path: string): Promise<readonly Listed[]> {
  const folder = dirname(path);
  const name = basename(path);
  const ages = (await readdir(folder)).flatMap((file) => {
    const age = file.startsWith(`${name}.`) ? file.slice(name.length + 1) : '';
    return /^[1-9]\d{0,2}$/.test(age) ? [Number(age)] : [];
  });
  // The oldest may be on its way to the next name.
  const last = Math.max(0, ...ages) + 1;
  const names = [
    name,
    `${name}.old`,
    ...Array.from({ length: last }, (_, i) => `${name}.${i + 1}`),
  ];
  const found: Listed[] = [];
  // In the direction in which files move: each is met, if twice.
  for (const file of names) {
    const full = join(folder, file);
    const info = await stat(full, { bigint: true }).catch(() => undefined);
    if (info !== undefined && !found.some(({ inode }) => inode === info.ino)) {
      found.push({ path: full, inode: info.ino, modifiedNs: info.mtimeNs });
    }
  }
  return found;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
