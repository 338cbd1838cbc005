-- Counts a message to one subject (a phone, a patient, a client, everybody) if none of the subject's limits is reached.
-- The window slides exactly: a list of the times themselves, not a counter per calendar hour (which lets through twice
-- the limit around the hour) and not a rate (GCRA keeps one number, but spaces messages out where the limit allows them
-- together). It holds no more than the highest limit allows, for refused messages are not in it, and ends with its
-- longest window. A time ahead of the clock, which was set back since, counts as now: no lock outlasts a window.
-- KEYS  1 messages of the subject: sorted set by time in ms
-- ARGV  1 message, then window in ms and messages allowed for each limit, the longest window last
-- Result  {0, 0}, or {number of the limit that is reached, when it lets the next message through in ms}
local messages, message, longest = KEYS[1], ARGV[1], ARGV[#ARGV - 1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- As Redis takes it: left to itself it writes a number out as a float, at the price of a command.
local function int(number) return string.format('%d', number) end

-- Whether the message was counted before; if not, forgets what no window reaches any more.
local function was_counted()
  if redis.call('ZSCORE', messages, message) then return true end
  redis.call('ZREMRANGEBYSCORE', messages, '-inf', int(now - longest))
  for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', messages, '(' .. int(now), '+inf', 'LIMIT', '0', '100')) do
    redis.call('ZADD', messages, int(now), ahead)
  end
  return false
end

-- The limit that is reached and lets the next message through last, and when; 0 where none is.
local function limit_reached()
  local reached, next_attempt = 0, 0
  for i = 2, #ARGV, 2 do
    local window, newest = tonumber(ARGV[i]), int(ARGV[i + 1] - 1)
    local blocking = redis.call('ZREVRANGE', messages, newest, newest, 'WITHSCORES')[2]
    if blocking and blocking + window > now and blocking + window > next_attempt then
      reached, next_attempt = i / 2, blocking + window
    end
  end
  return reached, next_attempt
end

-- Most subjects have had no message in their longest window: there is nothing to look at.
if redis.call('EXISTS', messages) == 1 then
  if was_counted() then
    -- Written again, so that there is something for replicas to confirm.
    redis.call('PEXPIRE', messages, longest)
    return {0, 0}
  end
  local reached, next_attempt = limit_reached()
  if reached > 0 then return {reached, next_attempt} end
end
redis.call('ZADD', messages, int(now), message)
redis.call('PEXPIRE', messages, longest)
return {0, 0}
