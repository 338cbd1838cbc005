-- Messages counted to subjects (a phone, a patient, a client, everybody), each with limits.
-- The window slides exactly: a list of the times themselves, not a counter per calendar hour (which lets through twice
-- the limit around the hour) and not a rate (GCRA keeps one number, but spaces messages out where the limit allows them
-- together). It holds no more than the highest limit allows, for refused messages are not in it, and ends with its
-- longest window. A time ahead of the clock, which was set back since, counts as now: no lock outlasts a window.

-- Arguments of each: its window in ms and the messages allowed, the longest window last.
local function read_limits(many)
  local limits = {}
  for i = 1, many do
    local window, allowed = number(), number()
    limits[i] = {window = window, allowed = allowed}
  end
  return limits
end

-- Key: its messages, a sorted set by time in ms; arguments: how many limits, and those of each.
local function read_subject()
  local messages, limits = key(), number()
  return {messages = messages, limits = read_limits(limits)}
end

local function longest_window(subject) return subject.limits[#subject.limits].window end

-- Forgets what no window reaches any more.
local function forget(subject, now)
  local messages, now_text = subject.messages, int(now)
  redis.call('ZREMRANGEBYSCORE', messages, '-inf', int(now - longest_window(subject)))
  for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', messages, '(' .. now_text, '+inf', 'LIMIT', '0', '100')) do
    redis.call('ZADD', messages, now_text, ahead)
  end
end

-- The number of the limit that is reached and lets the next message through last, and when; 0 where none is, or the
-- message was counted before.
local function limit_reached(subject, message, now)
  local messages = subject.messages
  -- Most subjects have had no message in their longest window: there is nothing to look at.
  if redis.call('EXISTS', messages) == 0 or redis.call('ZSCORE', messages, message) then return 0, 0 end
  forget(subject, now)
  local reached, next_attempt = 0, 0
  for i, limit in ipairs(subject.limits) do
    local newest = int(limit.allowed - 1)
    local blocking = redis.call('ZREVRANGE', messages, newest, newest, 'WITHSCORES')[2]
    if blocking and blocking + limit.window > now and blocking + limit.window > next_attempt then
      reached, next_attempt = i, blocking + limit.window
    end
  end
  return reached, next_attempt
end

-- Counts the message, once. Where it was counted the window is written again, so that there is something for replicas to
-- confirm.
local function count(subject, message, now)
  redis.call('ZADD', subject.messages, 'NX', int(now), message)
  redis.call('PEXPIRE', subject.messages, int(longest_window(subject)))
end
