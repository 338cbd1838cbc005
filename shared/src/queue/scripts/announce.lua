-- Says that a worker is alive, forgets those that fell silent, and keeps the sum of slots that predictions rest on;
-- tells the worker whether the queue is paused.
-- KEYS  1 workers, 2 eta, 3 paused
-- ARGV  1 consumer|slots, 2 slots (0: this worker is leaving), 3 ms of silence after which a worker is forgotten
-- Result  1 where the workers are to fetch nothing, else 0
local now = now_ms()
local function slots_of(member) return tonumber(string.match(member, '|(%d+)$')) or 0 end

if ARGV[2] == '0' then
  if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then redis.call('HINCRBY', KEYS[2], 'slots', -slots_of(ARGV[1])) end
elseif redis.call('ZADD', KEYS[1], now, ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[2], 'slots', ARGV[2])
end
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3], 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[1], silent)
  redis.call('HINCRBY', KEYS[2], 'slots', -slots_of(silent))
end
return redis.call('EXISTS', KEYS[3])
