-- Counts the runs, about to begin, of entries that were taken over, and returns which of them the consumer still owns.
-- KEYS  1 stream
-- ARGV  1 group, 2 consumer, then entry and delivery number of each
-- Result  the entries whose runs may begin; a repeated call has the same result
local begun = {}
for i = 3, #ARGV, 2 do
  local entry, number = ARGV[i], tonumber(ARGV[i + 1])
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, '1')[1]
  local is_ours = pending and pending[2] == ARGV[2]
  if is_ours and pending[4] == number then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry, 'RETRYCOUNT', int(number + 1), 'JUSTID')
  end
  if is_ours and (pending[4] == number or pending[4] == number + 1) then begun[#begun + 1] = entry end
end
return begun
