-- The record of a phone: lines of text, so that one command reads or writes it.
--
--   sent <ms> <ms> …                                    messages that count against its limits
--   failed <ms> <ms> …                                  failed checks
--   code <job> <hash> <offered> <taken> <guesses>       a code, oldest offer first; `taken` is 0 until a gateway took the
--                                                       message; a used code has ! and its user instead of the hash
--
-- Times are milliseconds since the epoch by Redis' clock. Lines of any other form are dropped.
local HOUR_OF_FAILURES = 3600000
local CODES_KEPT = 8

local function read_times(text, now)
  local times = {}
  for time in string.gmatch(text, '%d+') do times[#times + 1] = not_ahead(tonumber(time), now) end
  return times
end

local function read_phone(text, now)
  local phone = {sent = {}, failed = {}, codes = {}, is_known = text and true or false}
  if not text then return phone end
  for kind, rest in string.gmatch(text, '(%l+) ([^\n]*)') do
    if kind == 'sent' or kind == 'failed' then
      phone[kind] = read_times(rest, now)
    elseif kind == 'code' then
      local job, hash, offered, taken, guesses = string.match(rest, '^(%S+) (%S+) (%d+) (%d+) (%d+)$')
      if job then
        phone.codes[#phone.codes + 1] = {job = job, hash = hash, offered = not_ahead(tonumber(offered), now),
          taken = not_ahead(tonumber(taken), now), guesses = tonumber(guesses)}
      end
    end
  end
  return phone
end

-- The times that lie within the window, as one line; empty if there are none.
local function line_of(kind, times, window, now)
  local line = ''
  for _, time in ipairs(times) do
    if time + window > now then line = line .. ' ' .. int(time) end
  end
  return line ~= '' and kind .. line .. '\n' or ''
end

-- Writes the record; if `keep` is nil, it keeps its time to live.
local function write_phone(phone_key, phone, window, now, keep)
  local text = line_of('sent', phone.sent, window, now) .. line_of('failed', phone.failed, HOUR_OF_FAILURES, now)
  for _, code in ipairs(phone.codes) do
    text = text .. 'code ' .. code.job .. ' ' .. code.hash .. ' ' .. int(code.offered) .. ' ' .. int(code.taken) .. ' '
      .. int(code.guesses) .. '\n'
  end
  if text == '' then
    if phone.is_known then redis.call('DEL', phone_key) end
  elseif keep then
    redis.call('SET', phone_key, text, 'PX', int(keep))
  else
    redis.call('SET', phone_key, text, 'KEEPTTL')
  end
end

-- A record outlives its codes by their lifetime, so that a late code is told from a wrong one, and a failed check by an
-- hour.
local function life_of_record(life, window) return int(math.max(window, HOUR_OF_FAILURES + 2 * life)) end

local function find_code(phone, job)
  for i, code in ipairs(phone.codes) do
    if code.job == job then return i end
  end
end

local function is_used(code) return string.sub(code.hash, 1, 1) == '!' end

local function end_of(code, life) return math.max(code.offered, code.taken) + life end

-- Whether the last message with this code was taken: no other of its job is under way.
local function is_settled(code) return code.taken > 0 and code.taken >= code.offered end

-- The code that makes room for another: the oldest that has expired, else the oldest whose message was taken, else the
-- oldest that was used, so that it does not become valid again. The last to go is one whose message is under way.
local function first_to_go(phone, life, now)
  local first, least
  for i, code in ipairs(phone.codes) do
    local rank = end_of(code, life) <= now and 1 or is_used(code) and 3 or is_settled(code) and 2 or 4
    if not least or rank < least then first, least = i, rank end
  end
  return first
end

-- Makes the job's code checkable beside earlier ones; false if the code was used, which shows that its message arrived.
local function offer_code(phone, job, hash, life, now)
  local known = find_code(phone, job)
  local code = known and table.remove(phone.codes, known) or {job = job, hash = hash, offered = now, taken = 0, guesses = 0}
  if known and is_used(code) then
    table.insert(phone.codes, known, code)
    return false
  end
  code.hash, code.offered = hash, now
  for i = #phone.codes, 1, -1 do
    if end_of(phone.codes[i], life) + life <= now then table.remove(phone.codes, i) end
  end
  while #phone.codes >= CODES_KEPT do table.remove(phone.codes, first_to_go(phone, life, now)) end
  phone.codes[#phone.codes + 1] = code
  return true
end

-- Deletes the codes that a job's message replaces: those of other jobs whose messages were taken before it was offered.
-- Codes whose messages are under way stay, because they may arrive after this one; so do those taken in the millisecond
-- of the offer, because nobody knows which came later.
local function retire_before(phone, job, offered)
  for i = #phone.codes, 1, -1 do
    local code = phone.codes[i]
    if code.job ~= job and is_settled(code) and code.taken < offered and not is_used(code) then
      table.remove(phone.codes, i)
    end
  end
end

-- Records that a gateway took the message that a code was offered for, and deletes the codes that it replaces. Both times
-- are those of the message, however late this comes and whoever else sent the code since; so it is safe to repeat. A code
-- that is gone stays gone: it was replaced, used or has expired.
local function activate_code(phone, job, offered, taken)
  local known = find_code(phone, job)
  local code = known and phone.codes[known]
  if code and not is_used(code) then code.taken = math.max(code.taken, taken) end
  retire_before(phone, job, offered)
end
