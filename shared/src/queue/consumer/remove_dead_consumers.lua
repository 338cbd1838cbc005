-- Removes consumers that are gone from the group, but only those with nothing pending: removing a consumer deletes its
-- pending entries.
-- KEYS  1 stream, 2 workers
-- ARGV  1 group, 2 ms of idleness after which a consumer may be gone, 3 most consumers to remove
-- Result  how many were removed
local alive = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  alive[string.match(member, '^(.*)|%d+|%d+$') or member] = true
end
local removed = 0
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
  local gone = consumer.idle > tonumber(ARGV[2]) and not alive[consumer.name]
  if gone and consumer.pending == 0 and removed < tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    removed = removed + 1
  end
end
return removed
