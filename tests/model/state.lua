-- The content of Redis for the explorer: a row for each key, {name, dump, when it expires or -1, text}. States that no script
-- can tell apart have the same text, except for the clock: each time in it is a number of thirteen digits. Predictions are
-- left out, because no promise depends on them.
local rows = {}

local function pairs_of(flat)
  local list = {}
  for i = 1, #flat, 2 do
    if flat[i] ~= 'eta' then list[#list + 1] = flat[i] .. '=' .. flat[i + 1] end
  end
  table.sort(list)
  return table.concat(list, '\n')
end

local function text_of_stream(key)
  local lines = {}
  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
    lines[#lines + 1] = 'entry ' .. entry[1] .. ' ' .. table.concat(entry[2], ' ')
  end
  local info = redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then lines[#lines + 1] = 'last ' .. info[i + 1] end
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    lines[#lines + 1] = 'read ' .. group[8]
    for _, pending in ipairs(redis.call('XPENDING', key, group[2], '-', '+', 100)) do
      lines[#lines + 1] = 'pending ' .. table.concat(pending, ' ')
    end
  end
  return table.concat(lines, '\n')
end

local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return pairs_of(redis.call('HGETALL', key)) end,
  zset = function(key) return table.concat(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), '\n') end,
  list = function(key) return table.concat(redis.call('LRANGE', key, 0, -1), '\n') end,
  stream = text_of_stream,
}
local keys = redis.call('KEYS', '*')
table.sort(keys)
for _, key in ipairs(keys) do
  local kind = redis.call('TYPE', key).ok
  local text = string.find(key, ':eta$') and (redis.call('HGET', key, 'unheard') or '') or read[kind](key)
  -- The start of the pause is only for operators.
  if string.find(key, ':paused$') then text = '' end
  rows[#rows + 1] = {key, redis.call('DUMP', key), redis.call('PEXPIRETIME', key), text}
end
return rows
