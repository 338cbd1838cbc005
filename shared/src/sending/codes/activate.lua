-- Notes that a gateway took the messages of these codes: each has a full life from now, and the codes whose messages were
-- taken before it was offered are gone. May run twice. Failed checks stay counted.
-- KEYS  of each code: its phone's record, and that under the older secret where there are two
-- ARGV  1 codes, 2 life of a code in ms; of each: job, hash, 1 where there is a record under the older secret
-- Result  for each 1, or 0 where the code was used meanwhile
local codes, life = number(), number()
local now = now_ms()

local function retire_under(record_key, code)
  local text = redis.call('GET', record_key)
  if not text then return end
  local phone = read_phone(text, now)
  retire_before(phone, code)
  write_phone(record_key, phone, DAY, now)
end

local function activate(record_key, job, hash, older_key)
  local text = redis.call('GET', record_key)
  local phone = read_phone(text, now)
  local known = find_code(phone, job)
  if known and is_used(phone.codes[known]) then return 0 end
  -- Where later codes left no room for it, it comes back: its message is on the phone.
  if not known then offer_code(phone, job, hash, life, now) end
  local code = phone.codes[find_code(phone, job)]
  code.taken = now
  retire_before(phone, code)
  write_phone(record_key, phone, DAY, now, not text and life_of_record(life, 0) or nil)
  if older_key then retire_under(older_key, code) end
  return 1
end

local rows = {}
for i = 1, codes do
  local record_key, job, hash, has_older = key(), arg(), arg(), arg() == '1'
  rows[i] = activate(record_key, job, hash, has_older and key() or nil)
end
return rows
