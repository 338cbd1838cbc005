-- Messages counted against limits. The window slides: counting by calendar hour would let through twice the limit around
-- the hour.
--
-- Few messages, to a phone or for a patient, are kept as their times. Many, of a client or of everybody, are counted by
-- slots of five seconds: such a message counts for 60 to 65 seconds, never for less.
local MINUTE, HOUR, DAY = 60000, 3600000, 86400000
local SLOT = 5000

-- A time ahead of the clock was written before the clock was set back. It counts as now, and is to be written back as
-- such, so that no lock outlasts its window.
local is_clock_set_back = false

local function not_ahead(time, now)
  if time <= now then return time end
  is_clock_set_back = true
  return now
end

-- Of a list in the order of time, the one at which a limit of so many ends: nil where there are fewer, or no limit (0).
local function last_but(list, allowed)
  return allowed > 0 and list[#list - allowed + 1] or nil
end

-- When a message at this time stops standing in the way of the next one; nil where it does not, or is none.
local function blocked_until(time, window, now)
  return time and time + window > now and time + window or nil
end

-- Slots with what was counted in each, oldest first. The text is `slot:count slot:count`.
local function read_counter(text, now)
  local counter, newest = {total = 0}, math.floor(now / SLOT)
  for slot, count in string.gmatch(text or '', '(%d+):(%d+)') do
    slot, count = not_ahead(tonumber(slot), newest), tonumber(count)
    if (slot + 1) * SLOT > now - MINUTE then
      counter[#counter + 1] = {slot = slot, count = count}
      counter.total = counter.total + count
    end
  end
  return counter
end

-- When a counter lets the next message through; nil where it does so now.
local function counter_blocked_until(counter, allowed)
  local left = counter.total
  if allowed == 0 or left < allowed then return nil end
  for _, counted in ipairs(counter) do
    left = left - counted.count
    if left < allowed then return (counted.slot + 1) * SLOT + MINUTE end
  end
end

-- Adds to what was counted at this time; a negative number takes back.
local function add_to_counter(counter, at, number)
  local slot = math.floor(at / SLOT)
  for _, counted in ipairs(counter) do
    if counted.slot == slot then
      counted.count = math.max(counted.count + number, 0)
      return
    end
  end
  if number > 0 then counter[#counter + 1] = {slot = slot, count = number} end
end

local function write_counter(counter_key, counter)
  local slots = {}
  for _, counted in ipairs(counter) do slots[#slots + 1] = int(counted.slot) .. ':' .. int(counted.count) end
  if #slots > 0 then redis.call('SET', counter_key, table.concat(slots, ' '), 'PX', int(MINUTE + SLOT)) end
end
