-- Says that a worker is alive, forgets those that fell silent, and keeps what predictions rest on: the sum of slots, and
-- what the channels can take.
-- KEYS  1 workers, 2 eta
-- ARGV  1 consumer|slots|lease ms, 2 slots (0: this worker is leaving), 3 ms of silence after which a worker is forgotten,
--       4 most messages a second that the channels can be handed (empty: as many as come), 5 1 where no channel can be
--       handed any at present
-- Result  1, or 2 where nobody had said anything for that long
-- Workers looked at in one call.
local LOOKED_AT = 500

local now, silence = now_ms(), tonumber(ARGV[3])

-- Where nobody said anything it was Redis that was away, or its clock was set forward: the others have as long again by half to
-- be heard, and *reclaim* leaves their leases alone for a while. A removal comes first also then: it is allowed where memory is
-- full, and so is what a script writes after it.
local newest = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
local is_unheard = newest and newest < now - silence
local changed = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', is_unheard and '-inf' or int(now - silence))
if is_unheard then
  redis.call('HSET', KEYS[2], 'unheard', int(now))
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, LOOKED_AT - 1)) do
    redis.call('ZADD', KEYS[1], now - silence / 2, member)
  end
end

if ARGV[2] == '0' then
  changed = changed + redis.call('ZREM', KEYS[1], ARGV[1])
else
  changed = changed + redis.call('ZADD', KEYS[1], now, ARGV[1])
  if ARGV[4] == '' then redis.call('HDEL', KEYS[2], 'rate') else redis.call('HSET', KEYS[2], 'rate', ARGV[4]) end
  -- Where workers disagree, the one that can send is right.
  if ARGV[5] == '1' then redis.call('HSETNX', KEYS[2], 'closed', int(now)) else redis.call('HDEL', KEYS[2], 'closed') end
end
if changed > 0 then
  local slots = 0
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, LOOKED_AT - 1)) do
    slots = slots + (tonumber(string.match(member, '|(%d+)|%d+$')) or 0)
  end
  -- With nobody left there is no telling when somebody comes: the last fleet stands for the next.
  if slots > 0 then redis.call('HSET', KEYS[2], 'slots', slots) end
end
return is_unheard and 2 or 1
