-- Says that a worker is alive, forgets those that fell silent, and keeps the sum of slots that predictions rest on;
-- tells the worker whether the queue is paused.
-- KEYS  1 workers, 2 eta, 3 paused
-- ARGV  1 consumer|slots, 2 slots (0: this worker is leaving), 3 ms of silence after which a worker is forgotten
-- Result  1 where the workers are to fetch nothing, else 0
-- Workers looked at in one call.
local LOOKED_AT = 500

local now, silence = now_ms(), tonumber(ARGV[3])
local changed = 0

-- Where nobody said anything it was Redis that was away: the others have as long again by half to be heard.
local newest = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
if newest and newest < now - silence then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, LOOKED_AT - 1)) do
    redis.call('ZADD', KEYS[1], now - silence / 2, member)
  end
end

if ARGV[2] == '0' then
  changed = redis.call('ZREM', KEYS[1], ARGV[1])
else
  changed = redis.call('ZADD', KEYS[1], now, ARGV[1])
end
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - silence, 'LIMIT', 0, LOOKED_AT)) do
  changed = changed + redis.call('ZREM', KEYS[1], silent)
end
if changed > 0 then
  local slots = 0
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, LOOKED_AT - 1)) do
    slots = slots + (tonumber(string.match(member, '|(%d+)$')) or 0)
  end
  -- With nobody left there is no telling when somebody comes: the last fleet stands for the next.
  if slots > 0 then redis.call('HSET', KEYS[2], 'slots', slots) end
end
return redis.call('EXISTS', KEYS[3])
