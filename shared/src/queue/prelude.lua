-- Shared by the queue's scripts: strict reads, the fence, messages, and the ends of jobs.

-- Fields of a record, or none if it does not exist. A key of another type, written by somebody else, counts as none too
-- (the second result is then true): a job without a record can still leave the queue, one whose script fails cannot.
-- Any other error ends the script: a key on another node, as while a slot is moved, is not a missing key.
local function fields_of(record, ...)
  local fields = redis.pcall('HMGET', record, ...)
  if not fields.err then return fields, false end
  if string.find(fields.err, 'WRONGTYPE', 1, true) then return {}, true end
  error(fields)
end

-- Reads a consumer group that may not exist yet; returns nothing if so. Any other error ends the script.
local function of_group(...)
  local reply = redis.pcall(...)
  if not reply.err then return reply end
  if string.find(reply.err, 'NOGROUP', 1, true) or string.find(reply.err, 'no such key', 1, true) then return {} end
  error(reply)
end

-- Whether this consumer still holds this very delivery of an entry, and how many ms ago it was renewed. Every step asks
-- this, because a plain XACK does not check the owner.
local function owns(stream, group, entry, consumer, number)
  local pending = redis.call('XPENDING', stream, group, entry, entry, '1')[1]
  if not pending then return false end
  return pending[2] == consumer and pending[4] == tonumber(number), pending[3]
end

-- One XPENDING for a single entry costs as much as this many more entries in one reply.
local FENCED_ALONE = 4

-- Records which of these deliveries their consumer still holds, and how many ms ago each was renewed; per delivery:
-- consumer, entry, number. Many of one consumer take one call, from the first millisecond of their entries to the last.
local function fence(stream, group, deliveries)
  local held, consumer = {}, deliveries[1] and deliveries[1].consumer
  if #deliveries > FENCED_ALONE then
    local first, last
    for _, delivery in ipairs(deliveries) do
      local at = string.match(delivery.entry, '^%d+')
      if not first or at < first then first = at end
      if not last or at > last then last = at end
    end
    for _, pending in ipairs(redis.call('XPENDING', stream, group, first, last, '500', consumer)) do
      held[pending[1]] = pending
    end
  end
  for _, delivery in ipairs(deliveries) do
    local pending = delivery.consumer == consumer and held[delivery.entry]
    if pending then
      delivery.owned, delivery.idle = pending[4] == tonumber(delivery.number), pending[3]
    else
      delivery.owned, delivery.idle = owns(stream, group, delivery.entry, delivery.consumer, delivery.number)
    end
  end
end

-- The ids in a message; nil if it is none of ours.
local function ids_of(message)
  local is_json, ids = pcall(cjson.decode, message)
  if is_json and type(ids) == 'table' and type(ids.job) == 'string' then return ids end
end

-- The message of a job that is scheduled for this time; nil if there is none.
local function scheduled_message(scheduled, due, job)
  for _, message in ipairs(redis.call('ZRANGEBYSCORE', scheduled, due or '0', due or '0')) do
    local ids = ids_of(message)
    if ids and ids.job == job then return message end
  end
end

-- How many of the newest failures an operator can list; older ones are found by their id only.
local FAILURES_KEPT = 1000

local function has_ended(state)
  return state == 'processed' or state == 'failed'
end

-- Writes to a record without changing it, so that replicas have something to confirm; that also confirms earlier
-- writes. Allowed even when memory is full. Returns 1, or 0 if there is no record.
local function write_again(record)
  local left = redis.call('PTTL', record)
  return left > 0 and redis.call('PEXPIRE', record, left) or 0
end

-- The ends written in one script, and the work to be done once for all of them.
local function no_ends()
  return {ids = {}, paths = {}, failed = {}, by_status = {}}
end

-- Writes a job's end. The caller has read the record and found it live, and has acknowledged the entry before: when
-- memory is full, a script may write only after a write that is allowed then. Call `close_ends` afterwards.
-- job: id, record (key), deadline (of its record), path (patient/approval), state, status, reason (empty: none), answer
--      (result JSON), and where they are known request and channel
local function write_end(ends, job, now, retention)
  local story = {}
  for _, name in ipairs({'reason', 'request', 'channel'}) do
    if (job[name] or '') ~= '' then story[#story + 1], story[#story + 2] = name, job[name] end
  end
  redis.call('HSET', job.record, 'state', job.state, 'status', job.status, 'result', job.answer, 'ended', int(now),
    unpack(story))
  -- A record lives for the retention time after the job's deadline. Only a job that ends later has to live longer.
  if now > (tonumber(job.deadline) or 0) then redis.call('PEXPIRE', job.record, retention) end
  ends.ids[#ends.ids + 1] = job.id
  ends.paths[#ends.paths + 1] = job.path
  ends.by_status[job.status] = (ends.by_status[job.status] or 0) + 1
  if job.state == 'failed' then ends.failed[#ends.failed + 1] = job.id end
end

-- Frees the approvals of ended jobs, counts the ends, and wakes waiting clients. An approval's live job is the one that
-- ended: another is accepted only once that has no record or has ended.
-- keys: live, counts, failures, and channel, which is none
local function close_ends(ends, keys)
  if #ends.ids == 0 then return end
  redis.call('HDEL', keys.live, unpack(ends.paths))
  for status, jobs in pairs(ends.by_status) do redis.call('HINCRBY', keys.counts, status, int(jobs)) end
  if #ends.failed > 0 then
    redis.call('LPUSH', keys.failures, unpack(ends.failed))
    redis.call('LTRIM', keys.failures, '0', int(FAILURES_KEPT - 1))
  end
  redis.call('PUBLISH', keys.channel, table.concat(ends.ids, ' '))
end

-- How many of the newest entries the quarantine keeps.
local QUARANTINE_KEPT = 10000

-- Adds an entry to the quarantine; beyond its size the oldest are dropped, and counted.
local function add_to_quarantine(quarantine, counts, fields)
  redis.call('XADD', quarantine, '*', unpack(fields))
  local dropped = redis.call('XTRIM', quarantine, 'MAXLEN', QUARANTINE_KEPT)
  if dropped > 0 then redis.call('HINCRBY', counts, 'dropped', int(dropped)) end
end
