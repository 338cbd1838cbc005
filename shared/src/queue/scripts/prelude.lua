-- Shared by all scripts: the clock and the fence.

-- Redis' wall clock, milliseconds since the epoch.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whether this consumer still holds this very delivery of an entry. A plain XACK does not ask, so every step does.
local function owns(stream, group, entry, consumer, number)
  local pending = redis.call('XPENDING', stream, group, entry, entry, 1)
  return pending[1] ~= nil and pending[1][2] == consumer and pending[1][4] == tonumber(number)
end

local function has_ended(state)
  return state == 'processed' or state == 'failed'
end

-- Writes a job's end, makes its approval free, and wakes who waits. Acknowledging comes before, in the caller: when
-- memory is full a script may write on only after a write that is allowed.
local function write_end(job_key, result_key, live_key, channel, job, live_field, state, status, result, retention)
  redis.call('SET', result_key, result, 'PX', retention)
  redis.call('HSET', job_key, 'state', state, 'status', status)
  redis.call('HDEL', job_key, 'begun')
  redis.call('PEXPIRE', job_key, retention)
  if redis.call('HGET', live_key, live_field) == job then
    redis.call('HDEL', live_key, live_field)
  end
  redis.call('PUBLISH', channel, job)
end
