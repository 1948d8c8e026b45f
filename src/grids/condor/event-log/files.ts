/**
 * The files of an event log: the one that is written to, and those it was renamed to by rotation (`.old`,
 * or `.1`, `.2`, … from the newest). They are told apart by inode, as names move from file to file.
 */
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

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
    handle = await open(path, 'r');
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
