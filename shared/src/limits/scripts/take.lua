-- Counts a message to one subject (a phone, a patient, a client, everybody) if none of the subject's limits is reached.
-- The window slides exactly: a list of the times themselves, not a counter per calendar hour (which lets through twice
-- the limit around the hour) and not a rate (GCRA keeps one number, but spaces messages out where the limit allows them
-- together). It holds no more than the highest limit allows, for refused messages are not in it, and ends with its
-- longest window. A time ahead of the clock, which was set back since, counts as now: no lock outlasts a window.
-- KEYS  of each item: messages of its subject, sorted set by time in ms
-- ARGV  1 items; of each: message, how many limits, and of each limit its window in ms and the messages allowed, the
--       longest window last
-- Result  for each {0, 0}, or {number of the limit that is reached, when it lets the next message through in ms}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- As Redis takes it: left to itself it writes a number out as a float, at the price of a command.
local function int(number) return string.format('%d', number) end
local now_text = int(now)

-- Whether the message was counted before; if not, forgets what no window reaches any more.
local function was_counted(messages, message, longest)
  if redis.call('ZSCORE', messages, message) then return true end
  redis.call('ZREMRANGEBYSCORE', messages, '-inf', int(now - longest))
  for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', messages, '(' .. now_text, '+inf', 'LIMIT', '0', '100')) do
    redis.call('ZADD', messages, now_text, ahead)
  end
  return false
end

-- The limit that is reached and lets the next message through last, and when; 0 where none is.
local function limit_reached(messages, limits)
  local reached, next_attempt = 0, 0
  for i, limit in ipairs(limits) do
    local newest = int(limit.allowed - 1)
    local blocking = redis.call('ZREVRANGE', messages, newest, newest, 'WITHSCORES')[2]
    if blocking and blocking + limit.window > now and blocking + limit.window > next_attempt then
      reached, next_attempt = i, blocking + limit.window
    end
  end
  return reached, next_attempt
end

local function take(messages, message, limits)
  local longest = limits[#limits].window
  -- Most subjects have had no message in their longest window: there is nothing to look at.
  if redis.call('EXISTS', messages) == 1 then
    if was_counted(messages, message, longest) then
      -- Written again, so that there is something for replicas to confirm.
      redis.call('PEXPIRE', messages, int(longest))
      return {0, 0}
    end
    local reached, next_attempt = limit_reached(messages, limits)
    if reached > 0 then return {reached, next_attempt} end
  end
  redis.call('ZADD', messages, now_text, message)
  redis.call('PEXPIRE', messages, int(longest))
  return {0, 0}
end

local rows, a = {}, 2
for i = 1, tonumber(ARGV[1]) do
  local message, limits = ARGV[a], {}
  for j = 1, tonumber(ARGV[a + 1]) do
    limits[j] = {window = tonumber(ARGV[a + 2 * j]), allowed = tonumber(ARGV[a + 2 * j + 1])}
  end
  rows[i] = take(KEYS[i], message, limits)
  a = a + 2 + 2 * #limits
end
return rows
