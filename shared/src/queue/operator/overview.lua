-- Reads the state of the queue as a whole; changes nothing.
-- KEYS  1 stream, 2 scheduled, 3 quarantine, 4 live, 5 workers, 6 eta, 7 paused, 8 counts
-- ARGV  1 group, 2 consumers at most
-- Result  {{now ms, entries, pending, scheduled, quarantined, live, ms when the oldest entry became ready or -1, ms
--         when the next scheduled job is due or -1, ms since when it is paused or -1}, mean run ms or '',
--         {worker|slots|lease ms, announced at ms, …}, {{consumer, pending, ms since it was last heard}, …}, {status
--         code, jobs ended, …, dropped, entries the quarantine dropped}}
local pending = of_group('XPENDING', KEYS[1], ARGV[1])
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local next_due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]

local consumers = {}
-- A group that does not exist yet has no pending entries and no consumers.
local known = of_group('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
for i, flat in ipairs(known) do
  if i > tonumber(ARGV[2]) then break end
  local consumer = {}
  for j = 1, #flat, 2 do consumer[flat[j]] = flat[j + 1] end
  consumers[#consumers + 1] = {consumer.name, consumer.pending, consumer.idle}
end

local numbers = {
  now_ms(), redis.call('XLEN', KEYS[1]), pending[1] or 0, redis.call('ZCARD', KEYS[2]), redis.call('XLEN', KEYS[3]),
  redis.call('HLEN', KEYS[4]), oldest and tonumber(string.match(oldest[1], '^%d+')) or -1,
  next_due and math.floor(next_due) or -1, tonumber(redis.call('GET', KEYS[7]) or -1),
}
return {numbers, redis.call('HGET', KEYS[6], 'run') or '',
  redis.call('ZRANGE', KEYS[5], 0, tonumber(ARGV[2]) - 1, 'WITHSCORES'), consumers, redis.call('HGETALL', KEYS[8])}
