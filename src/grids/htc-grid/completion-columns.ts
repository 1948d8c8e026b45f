/**
 * Completions as 22 bytes each, for logs that keep all of a session: the task's index, its state, retries, the stamp
 * of its revision and when it was seen. The session is kept once; a completion of another form is kept as it is.
 */
import type { EntryStore } from '../../streams/append-log.js';
import type { WorkState } from '../state.js';
import type { Completion } from '../tasks.js';
import { indexOf, sessionOf, taskIdOf } from './status.js';

const entryBytes = 22;
/** A log begins with little and grows by no more than it will soon fill. */
const firstEntries = 64;
const blockEntries = 4096;

const states: readonly WorkState[] = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
/** The state's part of a revision, in the order of the states. */
const names = ['fi', 'fa', 'ca'];
const odd = 255;

export class CompletionColumns implements EntryStore<Completion> {
  readonly #blocks: DataView<ArrayBuffer>[] = [];
  readonly #odd = new Map<number, Completion>();
  #session: string | undefined;

  /** Bytes of all entries; those of another form not counted. */
  get bytes(): number {
    return this.#blocks.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  at(place: number): Completion {
    const { block, offset } = this.#find(place);
    const state = block.getUint8(offset + 4);
    // An entry of another form is where it was put.
    if (state === odd) return this.#odd.get(place) as Completion;
    const retries = block.getUint8(offset + 5);
    const stamp = block.getFloat64(offset + 6);
    return {
      taskId: taskIdOf(this.#session ?? '', block.getUint32(offset)),
      revision: revisionOf(state, retries, stamp),
      state: states[state] ?? 'UNKNOWN',
      seenAt: block.getFloat64(offset + 14),
    };
  }

  put(place: number, completion: Completion): void {
    const { block, offset } = this.#find(place);
    this.#odd.delete(place);
    const parts = this.#partsOf(completion);
    if (parts === undefined) {
      block.setUint8(offset + 4, odd);
      this.#odd.set(place, completion);
      return;
    }
    block.setUint32(offset, parts.index);
    block.setUint8(offset + 4, parts.state);
    block.setUint8(offset + 5, parts.retries);
    block.setFloat64(offset + 6, parts.stamp);
    block.setFloat64(offset + 14, completion.seenAt);
  }

  /** Undefined where the completion would not come back as it is. */
  #partsOf({ taskId, revision, state: name }: Completion) {
    const session = sessionOf(taskId);
    this.#session ??= session;
    const index = indexOf(taskId);
    const state = states.indexOf(name);
    const [, retries = '', stamp = ''] = /^\w\w(\d{1,3})\.([0-9a-z]{1,11})$/.exec(revision) ?? [];
    const parts = {
      index: index ?? -1,
      state,
      retries: Number(retries),
      stamp: parseInt(stamp, 36),
    };
    const comesBack =
      index !== null &&
      index < 2 ** 32 &&
      state >= 0 &&
      parts.retries < 256 &&
      taskIdOf(this.#session, index) === taskId &&
      revisionOf(state, parts.retries, parts.stamp) === revision;
    return comesBack ? parts : undefined;
  }

  #find(place: number): { readonly block: DataView<ArrayBuffer>; readonly offset: number } {
    const at = Math.floor(place / blockEntries);
    const offset = (place % blockEntries) * entryBytes;
    let block = this.#blocks[at];
    if (block === undefined || offset >= block.byteLength) {
      const entries = at > 0 ? blockEntries : firstSize(place);
      const grown = new Uint8Array(entries * entryBytes);
      if (block !== undefined) grown.set(new Uint8Array(block.buffer));
      this.#blocks[at] = block = new DataView(grown.buffer);
    }
    return { block, offset };
  }
}

/** Doubles, up to a whole block. */
function firstSize(place: number): number {
  let entries = firstEntries;
  while (entries <= place) entries *= 2;
  return Math.min(entries, blockEntries);
}

const revisionOf = (state: number, retries: number, stamp: number): string =>
  `${names[state] ?? ''}${String(retries)}.${stamp.toString(36)}`;
