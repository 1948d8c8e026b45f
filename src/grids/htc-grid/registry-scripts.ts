/**
 * The steps of the shared session registry that are one step in Redis. A record is three lines: how often it was
 * written, the field of its idempotency key (empty for none) and the entry as JSON. `sessions` has the records,
 * `order` the sessions by age, `keys` the session of each idempotency key, `halts` those that are to be halted,
 * `changes` is a stream of what was written, and `lease` names who carries one submission on.
 *
 * A command may run twice where its connection broke before the answer: each script then answers as it did.
 */
import type { Redis } from 'ioredis';

/** Changes kept for replicas that lag; one that lags more reads all sessions again. */
const keptChanges = 10_000;

const parts = `
local function write(sessions, order, keys, changes, session, record, field, at, most)
  redis.call('HSET', sessions, session, record)
  redis.call('ZADD', order, 'NX', at, session)
  if field ~= '' then redis.call('HSET', keys, field, session) end
  redis.call('XADD', changes, 'MAXLEN', '~', ${String(keptChanges)}, '*', 's', session, 'r', record)
  while redis.call('ZCARD', order) > tonumber(most) do
    local oldest = redis.call('ZPOPMIN', order)[1]
    local found = redis.call('HGET', sessions, oldest)
    redis.call('HDEL', sessions, oldest)
    local key = found and string.match(found, '^%d+\\n([^\\n]*)\\n') or ''
    if key ~= '' and redis.call('HGET', keys, key) == oldest then redis.call('HDEL', keys, key) end
  end
end
local function version(record)
  return record and tonumber(string.match(record, '^%d+')) or 0
end
local function entry(record)
  return cjson.decode(string.match(record, '^%d+\\n[^\\n]*\\n(.*)$'))
end
`;

const begin = `${parts}
local sessions, order, keys, changes, lease = unpack(KEYS)
local session, token, leaseMs, field, at, most, record = unpack(ARGV)
if field ~= '' then
  local first = redis.call('HGET', keys, field)
  local found = first and first ~= session and redis.call('HGET', sessions, first)
  if found then
    local e = entry(found)
    if not (e.state == 'FAILED' and e.accepted == 0) then return { first, found } end
  end
end
redis.call('SET', lease, token, 'PX', leaseMs)
write(sessions, order, keys, changes, session, record, field, at, most)
return {}`;

/**
 * Who holds the lease writes, and who held it when nobody has written or taken it since: a pause, or a Redis that was
 * away, is not yet the end of a hold. A Redis that lost the record is given it again.
 */
const put = `${parts}
local sessions, order, keys, changes, lease, halts = unpack(KEYS)
local session, token, leaseMs, known, over, field, at, most, record = unpack(ARGV)
local holder = redis.call('GET', lease)
local found = redis.call('HGET', sessions, session)
if found ~= record then
  if holder and holder ~= token then return { 0, 0 } end
  if not holder and found and version(found) ~= tonumber(known) then return { 0, 0 } end
  write(sessions, order, keys, changes, session, record, field, at, most)
elseif holder and holder ~= token then
  return { 0, 0 }
end
local halted = redis.call('SISMEMBER', halts, session)
if over == '1' then
  redis.call('DEL', lease)
  redis.call('SREM', halts, session)
else
  redis.call('SET', lease, token, 'PX', leaseMs)
end
return { 1, halted }`;

const take = `${parts}
local sessions, lease, halts = unpack(KEYS)
local session, token, leaseMs = unpack(ARGV)
local found = redis.call('HGET', sessions, session)
if not found or entry(found).state ~= 'SUBMITTING' then return {} end
local holder = redis.call('GET', lease)
if holder and holder ~= token then return {} end
redis.call('SET', lease, token, 'PX', leaseMs)
return { found, redis.call('SISMEMBER', halts, session) }`;

const renew = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.call('EXISTS', KEYS[1]) == 0 and 1 or 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`;

const release = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

const halt = `${parts}
local sessions, halts, changes = unpack(KEYS)
local found = redis.call('HGET', sessions, ARGV[1])
if not found or entry(found).state ~= 'SUBMITTING' then return 0 end
redis.call('SADD', halts, ARGV[1])
redis.call('XADD', changes, 'MAXLEN', '~', ${String(keptChanges)}, '*', 's', ARGV[1], 'h', '1')
return 1`;

/** Gives a record back to a Redis that lost it, or has an older one. */
const restore = `${parts}
local sessions, order, keys, changes = unpack(KEYS)
local session, field, at, most, record = unpack(ARGV)
if version(redis.call('HGET', sessions, session)) >= version(record) then return 0 end
write(sessions, order, keys, changes, session, record, field, at, most)
return 1`;

type Words = readonly (string | number)[];

/** The scripts as commands; the first words are the keys that each names. */
export interface RegistryCommands {
  htcRegistryBegin(...words: Words): Promise<readonly string[]>;
  htcRegistryPut(...words: Words): Promise<readonly [number, number]>;
  htcRegistryTake(...words: Words): Promise<readonly [string, number] | readonly []>;
  htcRegistryRenew(...words: Words): Promise<number>;
  htcRegistryRelease(...words: Words): Promise<number>;
  htcRegistryHalt(...words: Words): Promise<number>;
  htcRegistryRestore(...words: Words): Promise<number>;
}

/** They are sent whole only where Redis does not have them yet. */
export function withScripts(redis: Redis): Redis & RegistryCommands {
  redis.defineCommand('htcRegistryBegin', { numberOfKeys: 5, lua: begin });
  redis.defineCommand('htcRegistryPut', { numberOfKeys: 6, lua: put });
  redis.defineCommand('htcRegistryTake', { numberOfKeys: 3, lua: take });
  redis.defineCommand('htcRegistryRenew', { numberOfKeys: 1, lua: renew });
  redis.defineCommand('htcRegistryRelease', { numberOfKeys: 1, lua: release });
  redis.defineCommand('htcRegistryHalt', { numberOfKeys: 3, lua: halt });
  redis.defineCommand('htcRegistryRestore', { numberOfKeys: 4, lua: restore });
  // They were defined in the lines above.
  return redis as Redis & RegistryCommands;
}
