-- Shared by all scripts: the clock, numbers and the fence.

-- Redis' wall clock, milliseconds since the epoch.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as Redis takes it. Left to itself it writes every number out as a float, at the price of a command.
local function int(number)
  return string.format('%d', number)
end

-- Whether this consumer still holds this very delivery of an entry. A plain XACK does not ask, so every step does.
local function owns(stream, group, entry, consumer, number)
  local pending = redis.call('XPENDING', stream, group, entry, entry, '1')
  return pending[1] ~= nil and pending[1][2] == consumer and pending[1][4] == tonumber(number)
end

-- The newest failures an operator can list; older ones are found by their id only.
local FAILURES_KEPT = 1000

local function has_ended(state)
  return state == 'processed' or state == 'failed'
end

-- Writes a job's end, makes its approval free, and wakes who waits. Acknowledging comes before, in the caller: when
-- memory is full a script may write on only after a write that is allowed.
-- keys: job, result, live, counts, failures, and channel, which is none
local function write_end(keys, job, live_field, state, status, result, retention)
  redis.call('SET', keys.result, result, 'PX', retention)
  redis.call('HSET', keys.job, 'state', state, 'status', status)
  redis.call('HDEL', keys.job, 'begun')
  redis.call('PEXPIRE', keys.job, retention)
  if redis.call('HGET', keys.live, live_field) == job then
    redis.call('HDEL', keys.live, live_field)
  end
  redis.call('HINCRBY', keys.counts, status, '1')
  if state == 'failed' then
    redis.call('LPUSH', keys.failures, job)
    redis.call('LTRIM', keys.failures, 0, FAILURES_KEPT - 1)
  end
  redis.call('PUBLISH', keys.channel, job)
end
