-- Takes one guess at a phone's codes and returns the hashes to compare with. It is counted before the comparison, so
-- that simultaneous guesses get no more comparisons than are left. A phone that was never sent a code gets no record:
-- guesses at it count against the client only.
-- KEYS  1 failed checks of the client, 2 … the phone's record under each secret
-- ARGV  1 guesses at each code, 2 failed checks of a phone in an hour, 3 of a client in a minute, 4 life of a code in ms
-- Result  {word, next attempt ms, time of the guess, {{number of the secret, job, hash}, …}}; words: compare, expired,
--         locked (the phone), spent (all its codes), client (the client has failed too often)
local per_code, per_phone, per_client, life = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()

local checks = read_counter(redis.call('GET', KEYS[1]), now)
local blocked = counter_blocked_until(checks, per_client)
if blocked then return {'client', blocked, now, {}} end
add_to_counter(checks, now, 1)
write_counter(KEYS[1], checks)

local phones = {}
for i = 2, #KEYS do phones[i - 1] = read_phone(redis.call('GET', KEYS[i]), now) end

local candidates, last_end, is_expired = {}, 0, false
local function look_at(code, secret)
  if is_used(code) then return end
  local ends = end_of(code, life)
  if ends <= now then
    is_expired = is_expired or ends + life > now
  elseif code.guesses < per_code then
    code.guesses = code.guesses + 1
    candidates[#candidates + 1] = {secret, code.job, code.hash}
  else
    last_end = math.max(last_end, ends)
  end
end

for secret, phone in ipairs(phones) do
  local locked = blocked_until(last_but(phone.failed, per_phone), HOUR_OF_FAILURES, now)
  if locked then return {'locked', locked, now, {}} end
end
for secret, phone in ipairs(phones) do
  for _, code in ipairs(phone.codes) do look_at(code, secret) end
end
if #candidates == 0 and last_end > 0 then return {'spent', last_end, now, {}} end
if #candidates > 0 or is_expired then
  for secret, phone in ipairs(phones) do
    if #phone.codes > 0 then
      phone.failed[#phone.failed + 1] = now
      write_phone(KEYS[secret + 1], phone, DAY, now)
    end
  end
end
return {#candidates == 0 and is_expired and 'expired' or 'compare', 0, now, candidates}
