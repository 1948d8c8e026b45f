/**
 * The steps of a shared log that are one step in Redis. A log is three keys: `lease` (who may append, as the
 * token of a term), `head` (epoch, born, seq, end) and `log`, a Redis Stream of records. The record `<born>-<seq>`
 * holds a batch of entries from position `at` on, and what its writer said of the log as a whole.
 */
import type { Redis } from 'ioredis';

export interface LogKeys {
  readonly lease: string;
  readonly head: string;
  readonly log: string;
}

export interface Visit {
  /** Of the term that has the lease or asks for it; empty for a look. */
  readonly token: string;
  readonly leaseMs: number;
  readonly keepMs: number;
  /** Of the log, where this visit has to begin it, and the position of its first entry. */
  readonly freshEpoch: string;
  readonly first: number;
  readonly known: Known;
}

/** What was read: an epoch (empty for none), its last record, the last one with entries, and who wrote them. */
export interface Known {
  readonly epoch: string;
  readonly seq: number;
  readonly writer: string;
  readonly entriesSeq: number;
  readonly entriesWriter: string;
}

export interface Visited {
  readonly leads: boolean;
  /** Empty where there is no log. */
  readonly epoch: string;
  readonly born: string;
  readonly seq: number;
}

export interface Addition {
  readonly token: string;
  /** The last record the writer knows of. */
  readonly seq: number;
  readonly keepMs: number;
  /** Entries to keep; 0 for all. */
  readonly limit: number;
  readonly count: number;
  readonly entries: string;
  readonly note: string;
  readonly complete: boolean;
}

/**
 * A Redis that lost what a replica has read (a failover, one of the keys evicted) ends the log: positions that were
 * told must not mean something else later. A record without entries may be gone, so one that had some is compared as well.
 */
const visit = `
local lease, head, log = KEYS[1], KEYS[2], KEYS[3]
local token, leaseMs, keepMs, fresh, first = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[10]
local epoch, seq = ARGV[5], ARGV[6]
local read = { [seq] = ARGV[7], [ARGV[8]] = ARGV[9] }
local holder = redis.call('GET', lease)
local now = redis.call('HMGET', head, 'epoch', 'born', 'seq')
if now[1] then
  local sound = tonumber(now[3]) == 0 or redis.call('EXISTS', log) == 1
  if sound and now[1] == epoch then
    sound = tonumber(now[3]) >= tonumber(seq)
    for number, writer in pairs(read) do
      local id = now[2] .. '-' .. number
      local found = redis.call('XRANGE', log, id, id)[1]
      if found and found[2][2] ~= writer then sound = false end
    end
  end
  if not sound then now = {} end
end
if not now[1] then redis.call('DEL', head, log) end
local leads = 0
if token ~= '' and (not holder or holder == token) then
  leads = 1
  redis.call('SET', lease, token, 'PX', leaseMs)
  if not now[1] then
    local time = redis.call('TIME')
    now = { fresh, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '0' }
    redis.call('HSET', head, 'epoch', now[1], 'born', now[2], 'seq', 0, 'end', first)
  end
  redis.call('PEXPIRE', head, keepMs)
  redis.call('PEXPIRE', log, keepMs)
end
return { leads, now[1] or '', now[2] or '', now[3] or '0' }`;

/**
 * A record without entries is let go once another follows: that one says the same and more. Behind records that are lost
 * nothing is added: who came then would take the rest for all there was.
 */
const append = `
local lease, head, log = KEYS[1], KEYS[2], KEYS[3]
local token, seq, keepMs, limit, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local now = redis.call('HMGET', head, 'born', 'seq', 'end', 'mark')
if redis.call('GET', lease) ~= token or now[2] ~= seq then return 0 end
if tonumber(seq) > 0 and redis.call('EXISTS', log) == 0 then return 0 end
local born, at, mark = now[1], tonumber(now[3]), now[4]
local next = string.format('%.0f', seq + 1)
redis.call('XADD', log, born .. '-' .. next,
  'w', token, 'a', now[3], 'n', count, 'e', ARGV[6], 's', ARGV[7], 'c', ARGV[8])
if mark then redis.call('XDEL', log, born .. '-' .. mark) end
redis.call('HSET', head, 'seq', next, 'end', string.format('%.0f', at + count))
if count == 0 then redis.call('HSET', head, 'mark', next) else redis.call('HDEL', head, 'mark') end
if limit > 0 and count > 0 then
  while true do
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    if tonumber(first[2][4]) + tonumber(first[2][6]) > at + count - limit then break end
    redis.call('XDEL', log, first[1])
  end
end
redis.call('PEXPIRE', head, keepMs)
redis.call('PEXPIRE', log, keepMs)
return 1`;

const release = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

interface Commands {
  htcVisitLog(
    ...args: readonly (string | number)[]
  ): Promise<readonly [number, string, string, string]>;
  htcAppendLog(...args: readonly (string | number)[]): Promise<number>;
  htcReleaseLog(...args: readonly (string | number)[]): Promise<number>;
}

/** The scripts over one connection; sent whole only where Redis does not have them yet. */
export class LogScripts {
  readonly #commands: Commands;

  constructor(redis: Redis) {
    redis.defineCommand('htcVisitLog', { numberOfKeys: 3, lua: visit });
    redis.defineCommand('htcAppendLog', { numberOfKeys: 3, lua: append });
    redis.defineCommand('htcReleaseLog', { numberOfKeys: 1, lua: release });
    // They were defined in the lines above.
    this.#commands = redis as unknown as Commands;
  }

  /** Takes or renews the lease where a token is given, and looks how the log is. */
  async visit({ lease, head, log }: LogKeys, of: Visit): Promise<Visited> {
    const { epoch, seq, writer, entriesSeq, entriesWriter } = of.known;
    const [leads, found, born, last] = await this.#commands.htcVisitLog(
      ...[lease, head, log, of.token, of.leaseMs, of.keepMs, of.freshEpoch],
      ...[epoch, seq, writer, entriesSeq, entriesWriter, of.first],
    );
    return { leads: leads === 1, epoch: found, born, seq: Number(last) };
  }

  /** False where the lease is another's by now, or the log is not as the writer knows it. */
  async append({ lease, head, log }: LogKeys, of: Addition): Promise<boolean> {
    const { token, seq, keepMs, limit, count, entries, note, complete } = of;
    const added = await this.#commands.htcAppendLog(
      ...[lease, head, log, token, seq, keepMs, limit, count, entries, note, complete ? 1 : 0],
    );
    return added === 1;
  }

  /** Gives the lease back, so that others need not wait for its end. */
  async release({ lease }: LogKeys, token: string): Promise<void> {
    await this.#commands.htcReleaseLog(lease, token);
  }
}
