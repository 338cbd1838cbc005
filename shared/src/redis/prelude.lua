-- Shared by all scripts: the clock, numbers, and KEYS and ARGV read one after the other.

-- Redis' wall clock, milliseconds since the epoch.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Formats a whole number for Redis. By itself Lua writes every number as a float, at the cost of a command. Results are
-- cached, because most numbers in a batch are the same time.
local texts = {}

local function int(number)
  local text = texts[number]
  if not text then
    text = string.format('%d', number)
    texts[number] = text
  end
  return text
end

-- A local is faster to access than a global.
local KEYS, ARGV = KEYS, ARGV

-- Scripts that take lists, or consist of steps with their own keys and arguments, read both in order.
local keys_read, arguments_read = 0, 0

local function key()
  keys_read = keys_read + 1
  return KEYS[keys_read]
end

local function arg()
  arguments_read = arguments_read + 1
  return ARGV[arguments_read]
end

local function number() return tonumber(arg()) end
