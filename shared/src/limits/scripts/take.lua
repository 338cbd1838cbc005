-- Counts a message to one subject (a phone, a patient, a client, everybody) if none of the subject's limits is reached.
-- The window slides exactly: a list of the times themselves, not a counter per calendar hour (which lets through twice
-- the limit around the hour) and not a rate (GCRA keeps one number, but spaces messages out where the limit allows them
-- together). It holds no more than the highest limit allows, for refused messages are not in it, and ends with its
-- longest window. A time ahead of the clock, which was set back since, counts as now: no lock outlasts a window.
-- KEYS  1 messages of the subject: sorted set by time in ms
-- ARGV  1 message, then window in ms and messages allowed for each limit, the longest window last
-- Result  {0, 0}, or {number of the limit that is reached, when it lets the next message through in ms}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  -- Asked again: counted before. Written again, so that there is something for replicas to confirm.
  redis.call('PEXPIRE', KEYS[1], ARGV[#ARGV - 1])
  return {0, 0}
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[#ARGV - 1])
for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'LIMIT', 0, 100)) do
  redis.call('ZADD', KEYS[1], now, ahead)
end
local reached, next_attempt = 0, 0
for i = 2, #ARGV, 2 do
  local window, allowed = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local blocking = redis.call('ZREVRANGE', KEYS[1], allowed - 1, allowed - 1, 'WITHSCORES')[2]
  if blocking and blocking + window > now and blocking + window > next_attempt then
    reached, next_attempt = i / 2, blocking + window
  end
end
if reached > 0 then return {reached, next_attempt} end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[#ARGV - 1])
return {0, 0}
