-- Quarantines one entry that is no message this build can read. Its content is kept, cut to a readable length.
-- KEYS  1 stream, 2 quarantine, 3 counts
-- ARGV  1 group, 2 consumer, 3 entry, 4 delivery number, 5 reason
-- Result  aside or lost
local KEPT = 4096

if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])[1]
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
local kept = {'reason', ARGV[5], 'entry', ARGV[3], 'deliveries', ARGV[4]}
for i, field in ipairs(entry and entry[2] or {}) do
  if i > 16 then break end
  kept[#kept + 1] = string.sub(field, 1, KEPT)
end
add_to_quarantine(KEYS[2], KEYS[3], kept)
return 'aside'
