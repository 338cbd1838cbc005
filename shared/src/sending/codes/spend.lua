-- Uses up a job's code, so that no retry of the job makes it valid again, and subtracts the guess from the failed
-- checks. Also deletes the codes that its message replaced, under both secrets; later ones stay.
-- KEYS  1 failed checks of the client, 2 the record that holds the code, 3 the phone's record under the other secret
-- ARGV  1 job, 2 life of a code in ms, 3 nonce of this call: a repeated call has the same result, 4 time of the guess
-- Result  when the code would have expired, ms; nothing if it was used or replaced before
local life, at, now = tonumber(ARGV[2]), tonumber(ARGV[4]), now_ms()
local phone = read_phone(redis.call('GET', KEYS[2]), now)
local known = find_code(phone, ARGV[1])
local code = known and phone.codes[known]
if code and code.hash == '!' .. ARGV[3] then return int(end_of(code, life)) end
if not code or is_used(code) then return false end
code.hash = '!' .. ARGV[3]
local function forgive(record_key, forgiven)
  retire_before(forgiven, code.job, code.offered)
  for i = #forgiven.failed, 1, -1 do
    if forgiven.failed[i] == at then
      table.remove(forgiven.failed, i)
      break
    end
  end
  write_phone(record_key, forgiven, DAY, now)
end

forgive(KEYS[2], phone)
local other = KEYS[3] and redis.call('GET', KEYS[3])
if other then forgive(KEYS[3], read_phone(other, now)) end
local checks = read_counter(redis.call('GET', KEYS[1]), now)
add_to_counter(checks, at, -1)
write_counter(KEYS[1], checks)
return int(end_of(code, life))
