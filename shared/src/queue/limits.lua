-- Messages counted against limits, in a sliding window: counting by calendar hour would allow twice the limit around
-- the hour.
--
-- Limits with few messages (of a phone or patient) keep the time of each. Limits with many (of a client or of
-- everybody) count them in slots of five seconds, so that a message counts for 60 to 65 seconds, never for less.
local MINUTE, HOUR, DAY = 60000, 3600000, 86400000
local SLOT = 5000

-- A time ahead of the clock was written before the clock was set back. It counts as now, and must be written back as
-- now, so that no lock outlasts its window.
local is_clock_set_back = false

local function not_ahead(time, now)
  if time <= now then return time end
  is_clock_set_back = true
  return now
end

-- In a list ordered by time, the entry with which a limit of this size is reached: nil if there are fewer, or no limit
-- (0).
local function last_but(list, allowed)
  return allowed > 0 and list[#list - allowed + 1] or nil
end

-- When a message sent at this time no longer blocks the next one; nil if it does not block, or there is none.
local function blocked_until(time, window, now)
  return time and time + window > now and time + window or nil
end

-- Slots with the count of each, oldest first. The text is `slot:count slot:count`.
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

-- When a counter lets the next message through; nil if it does so now.
local function counter_blocked_until(counter, allowed)
  local left = counter.total
  if allowed == 0 or left < allowed then return nil end
  for _, counted in ipairs(counter) do
    left = left - counted.count
    if left < allowed then return (counted.slot + 1) * SLOT + MINUTE end
  end
end

-- Adds to the count at this time; a negative number subtracts.
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
