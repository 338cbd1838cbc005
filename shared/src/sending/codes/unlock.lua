-- Deletes a phone's failed checks, including the guesses at its codes.
-- KEYS  the phone's record under each secret
-- Result  how many failed checks were deleted
local now, forgotten = now_ms(), 0
for i = 1, #KEYS do
  local text = redis.call('GET', KEYS[i])
  if text then
    local phone = read_phone(text, now)
    forgotten = math.max(forgotten, #phone.failed)
    phone.failed = {}
    for _, code in ipairs(phone.codes) do code.guesses = 0 end
    write_phone(KEYS[i], phone, DAY, now)
  end
end
return forgotten
