-- Shared by the scripts of the queue: the fence and the ends of jobs.

-- Whether this consumer still holds this very delivery of an entry. A plain XACK does not ask, so every step does.
local function owns(stream, group, entry, consumer, number)
  local pending = redis.call('XPENDING', stream, group, entry, entry, '1')
  return pending[1] ~= nil and pending[1][2] == consumer and pending[1][4] == tonumber(number)
end

-- The newest failures an operator can list; older ones are found by their id only.
local FAILURES_KEPT = 1000

-- Fields of a record, none where there is none. What some other hand put in its place is none either: a job without a
-- record has its way out of the queue, an error has not.
local function fields_of(record, ...)
  local fields = redis.pcall('HMGET', record, ...)
  return fields.err and {} or fields
end

local function has_ended(state)
  return state == 'processed' or state == 'failed'
end

-- Ends that are written in one script, and what is to be done once for all of them.
local function no_ends()
  return {ids = {}, paths = {}, failed = {}, by_status = {}}
end

-- Writes a job's end. Acknowledging comes before, in the caller: when memory is full a script may write on only after a
-- write that is allowed. `close_ends` comes after.
-- job: id, record and result (keys), path (patient/approval), state, status, answer (result JSON)
local function write_end(ends, job, retention)
  redis.call('SET', job.result, job.answer, 'PX', retention)
  redis.call('HSET', job.record, 'state', job.state, 'status', job.status)
  redis.call('PEXPIRE', job.record, retention)
  ends.ids[#ends.ids + 1] = job.id
  ends.paths[#ends.paths + 1] = job.path
  ends.by_status[job.status] = (ends.by_status[job.status] or 0) + 1
  if job.state == 'failed' then ends.failed[#ends.failed + 1] = job.id end
end

-- Makes the approvals of ended jobs free, counts the ends, and wakes who waits.
-- keys: live, counts, failures, and channel, which is none
local function close_ends(ends, keys)
  if #ends.ids == 0 then return end
  local free = {}
  for i, live in ipairs(redis.call('HMGET', keys.live, unpack(ends.paths))) do
    if live == ends.ids[i] then free[#free + 1] = ends.paths[i] end
  end
  if #free > 0 then redis.call('HDEL', keys.live, unpack(free)) end
  for status, jobs in pairs(ends.by_status) do redis.call('HINCRBY', keys.counts, status, int(jobs)) end
  if #ends.failed > 0 then
    redis.call('LPUSH', keys.failures, unpack(ends.failed))
    redis.call('LTRIM', keys.failures, '0', int(FAILURES_KEPT - 1))
  end
  for _, id in ipairs(ends.ids) do redis.call('PUBLISH', keys.channel, id) end
end
