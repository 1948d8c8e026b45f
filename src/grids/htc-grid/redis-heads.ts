/** Reads the beginnings of many values of a Redis: with a script, which bounds an answer before it is sent. */
import type { Redis } from 'ioredis';
import { GridError } from '../../errors.js';
import type { StoredText } from './data-plane.js';
import { headOf } from './data-plane.js';

/**
 * The first values of the keys, as many as fit into an answer and at least one. A value is its beginning,
 * with one character more than asked for if there is more: then with its length and its last two characters.
 */
const script = `
local last, left, heads = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for index, key in ipairs(KEYS) do
  if left <= 0 then break end
  local head = redis.call('GETRANGE', key, '0', ARGV[1])
  left = left - #head
  if last >= 0 and #head > last then
    head = { head, redis.call('STRLEN', key), redis.call('GETRANGE', key, '-2', '-1') }
  end
  heads[index] = head
end
return heads`;

/** Bounds how long Redis is busy with one answer, and what is buffered of it on both sides. */
const answerBytes = 1024 * 1024;
const answerKeys = 1000;

export class RedisHeads {
  /** False once Redis has refused to run scripts: then each key is a command of its own. */
  #scripts = true;

  constructor(private readonly redis: Redis) {}

  async read(
    keys: readonly string[],
    maxChars: number,
    signal: AbortSignal | undefined,
  ): Promise<(StoredText | undefined)[]> {
    // One character more than asked for: a value that ends before it is whole.
    const last = Number.isFinite(maxChars) ? Math.max(0, maxChars) : -1;
    const values: (StoredText | undefined)[] = [];
    while (values.length < keys.length) {
      signal?.throwIfAborted();
      const next = keys.slice(values.length, values.length + answerKeys);
      const heads = this.#scripts
        ? await this.#byScript(next, last)
        : await this.#oneByOne(next, last);
      if (heads.length === 0)
        throw new GridError('UNAVAILABLE', 'Expected values of the Redis, came none; try again.');
      for (const head of heads) values.push(valueOf(head, maxChars));
    }
    return values;
  }

  async #byScript(keys: readonly string[], last: number): Promise<readonly unknown[]> {
    try {
      const heads = await this.redis.eval(script, keys.length, ...keys, last, answerBytes);
      return Array.isArray(heads) ? (heads as readonly unknown[]) : [];
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#scripts = false;
      return this.#oneByOne(keys, last);
    }
  }

  /** Commands go out one behind another, none waits for the answer to the one before. */
  #oneByOne(keys: readonly string[], last: number): Promise<readonly unknown[]> {
    const { redis } = this;
    return Promise.all(
      keys.map(async (key): Promise<unknown> => {
        const head = await redis.getrange(key, 0, last);
        if (last < 0 || head.length <= last) return head;
        return [head, await redis.strlen(key), await redis.getrange(key, -2, -1)];
      }),
    );
  }
}

/** A Redis without scripts, or a user who may not run them. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'ReplyError' &&
  /^(NOPERM|ERR unknown command)/.test(error.message);

function valueOf(head: unknown, maxChars: number): StoredText | undefined {
  if (Array.isArray(head)) {
    const [text, chars, end] = head as readonly unknown[];
    return { text: String(text).slice(0, maxChars), chars: Number(chars), end: String(end) };
  }
  // An empty value cannot be told from a missing one, and no value of the grid is empty.
  return head === '' ? undefined : headOf(String(head), maxChars);
}
