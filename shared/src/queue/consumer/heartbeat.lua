-- Renews leases, and returns which are lost. Never takes an entry back from its new owner.
-- KEYS  1 stream
-- ARGV  1 group, 2 consumer, then entry and delivery number of each, at most 500
-- Result  the entries that are not ours any more
local deliveries, held, lost = {}, {}, {}
for i = 3, #ARGV, 2 do
  deliveries[#deliveries + 1] = {consumer = ARGV[2], entry = ARGV[i], number = ARGV[i + 1]}
end
fence(KEYS[1], ARGV[1], deliveries)
for _, delivery in ipairs(deliveries) do
  local list = delivery.owned and held or lost
  list[#list + 1] = delivery.entry
end
if #held > 0 then
  held[#held + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(held))
end
return lost
