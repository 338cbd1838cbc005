-- Keeps leases alive, and tells which are lost. Never takes an entry back from who has it now.
-- KEYS  1 stream
-- ARGV  1 group, 2 consumer, then entry and delivery number of each
-- Result  the entries that are not ours any more
local lost = {}
for i = 3, #ARGV, 2 do
  if owns(KEYS[1], ARGV[1], ARGV[i], ARGV[2], ARGV[i + 1]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
