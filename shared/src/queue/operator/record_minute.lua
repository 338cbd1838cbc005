-- Copies the totals of the queue once a minute, and deletes minutes that are too old.
-- KEYS  1 history, 2 counts, 3 live
-- ARGV  1 minutes kept
-- Result  1, or 0 if this minute was recorded before
local minute = math.floor(now_ms() / 60000)
if redis.call('HEXISTS', KEYS[1], int(minute)) == 1 then return 0 end
local words = {int(redis.call('HLEN', KEYS[3]))}
local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do words[#words + 1] = counts[i] .. '=' .. counts[i + 1] end
redis.call('HSET', KEYS[1], int(minute), table.concat(words, ' '))
-- A minute ahead of the clock was recorded before the clock was set back.
for _, known in ipairs(redis.call('HKEYS', KEYS[1])) do
  local age = minute - tonumber(known)
  if age >= tonumber(ARGV[1]) or age < 0 then redis.call('HDEL', KEYS[1], known) end
end
return 1
