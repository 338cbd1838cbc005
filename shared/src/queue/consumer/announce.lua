-- Announces that a worker is alive, forgets silent workers, and updates what predictions use: the sum of slots, and the
-- rate of the channels.
-- KEYS  1 workers, 2 eta
-- ARGV  1 consumer|slots|lease ms, 2 slots (0: this worker is leaving), 3 ms of silence after which a worker is
--       forgotten, 4 most messages a second that the channels take (empty: no limit), 5 1 if no channel takes any at
--       present
-- Result  1, or 2 if no worker was heard for that long
-- Workers looked at in one call.
local LOOKED_AT = 500

local now, silence = now_ms(), tonumber(ARGV[3])

-- If no worker was heard, Redis was away or its clock was set forward: the others get half as long again to be heard,
-- and *reclaim* does not touch their leases for a while. Even then a removal comes first: it is allowed when memory is
-- full, and so is every later write of the script.
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
  -- If workers disagree, the one that can send is right.
  if ARGV[5] == '1' then redis.call('HSETNX', KEYS[2], 'closed', int(now)) else redis.call('HDEL', KEYS[2], 'closed') end
end
if changed > 0 then
  local slots = 0
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, LOOKED_AT - 1)) do
    slots = slots + (tonumber(string.match(member, '|(%d+)|%d+$')) or 0)
  end
  -- With no worker left, nobody knows when the next one starts, so predictions assume the last fleet.
  if slots > 0 then redis.call('HSET', KEYS[2], 'slots', slots) end
end
return is_unheard and 2 or 1
