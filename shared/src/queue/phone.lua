-- The record of a phone: lines of text, so that one command reads or writes it.
--
--   sent <ms> <ms> …                                    messages that count against its limits
--   failed <ms> <ms> …                                  failed checks
--   code <job> <hash> <offered> <taken> <guesses>       a code, oldest offer first; `taken` is 0 until a gateway took the
--                                                       message; a used code has ! and its user instead of the hash
--
-- Times are milliseconds since the epoch by Redis' clock. Lines of any other form are dropped.
local HOUR_OF_FAILURES = 3600000
local CODES_KEPT = 4

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

-- Makes the job's code checkable beside earlier ones; false if the code was used, which shows that its message arrived.
-- If there is no room, the oldest code goes, an expired one first.
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
  while #phone.codes >= CODES_KEPT do
    local first = 1
    for i = #phone.codes, 1, -1 do
      if end_of(phone.codes[i], life) <= now then first = i end
    end
    table.remove(phone.codes, first)
  end
  phone.codes[#phone.codes + 1] = code
  return true
end

-- Deletes the codes whose messages were taken before this code was offered: the phone has a later message than theirs.
-- Codes not yet taken stay, because their messages may arrive after this one; so do codes taken in the same
-- millisecond, because nobody knows which came later.
local function retire_before(phone, this)
  for i = #phone.codes, 1, -1 do
    local code = phone.codes[i]
    if code.job ~= this.job and code.taken > 0 and code.taken < this.offered and not is_used(code) then
      table.remove(phone.codes, i)
    end
  end
end

-- Records that a gateway took the message of a code, and returns the code: its full lifetime starts now, and codes
-- whose messages were taken before it was offered are deleted. Returns nothing if it was used meanwhile. Safe to
-- repeat. Failed checks stay counted.
local function activate_code(phone, job, hash, life, now)
  local known = find_code(phone, job)
  if known and is_used(phone.codes[known]) then return nil end
  -- If later codes displaced it, it comes back: its message is on the phone.
  if not known then offer_code(phone, job, hash, life, now) end
  local code = phone.codes[find_code(phone, job)]
  code.taken = now
  -- When one that came back was offered nobody knows any more.
  if known then retire_before(phone, code) end
  return code
end
