-- Takes over entries whose owner was silent for a lease; quarantines those that were delivered too often, and ends
-- their jobs. An entry on its last delivery is taken over alone: a job that kills its worker takes all others there
-- with it each time, and they must not be quarantined because of it.
--
-- The delivery number of an entry counts the runs that began. A take-over is counted only by *begin*, once its worker
-- has received it: the reply may be lost, or the worker may die before.
-- KEYS  1 stream, 2 quarantine, 3 live, 4 counts, 5 failures, 6 workers, 7 eta
-- ARGV  1 group, 2 consumer, 3 lease ms, 4 cursor (0-0 at first), 5 batch size, 6 deliveries allowed, 7 prefix of job
--       records, 8 status code, 9 reason and 10 result JSON of a quarantined job, 11 retention ms, 12 channel, 13 1 if
--       the caller may take over an entry on its last delivery, 14 latest ms that the clock can show unless it was set
--       forward, 15 ms of silence after which a worker is forgotten, 16 ms in which all workers renew their leases
-- Result  {next cursor (0-0 at the end), {{entry, delivery number, fields}, …}, {quarantined entry, …}, 1 if an entry
--         on its last delivery was left, why nothing was checked: 0 it was, 1 the clock was set forward, 2 no worker
--         was heard}
-- Pending entries checked in one call.
local LOOKED_AT = 200

local now = now_ms()
-- The clock was set forward: every lease would look expired at once, those of live workers too.
if now > tonumber(ARGV[14]) then return {'0-0', {}, {}, 0, 1} end
-- The caller may have started after the clock was set. If no worker was heard for a while, as *announce* recorded or as
-- it shows here, the others get the time to renew their leases.
local newest = tonumber(redis.call('ZREVRANGE', KEYS[6], 0, 0, 'WITHSCORES')[2]) or now
local unheard = now - (tonumber(redis.call('HGET', KEYS[7], 'unheard')) or 0)
if newest < now - ARGV[15] or unheard >= 0 and unheard < tonumber(ARGV[16]) then return {'0-0', {}, {}, 0, 2} end

-- The longest lease of any live worker, because each renews by its own.
local lease = tonumber(ARGV[3])
for _, worker in ipairs(redis.call('ZRANGE', KEYS[6], 0, 499)) do
  lease = math.max(lease, tonumber(string.match(worker, '|(%d+)$')) or 0)
end

local ends = no_ends()

local function set_aside(id, deliveries)
  local entry, message = redis.call('XRANGE', KEYS[1], id, id)[1], ''
  local fields = entry and entry[2] or {}
  for i = 1, #fields, 2 do
    if fields[i] == 'm' then message = fields[i + 1] end
  end
  local ids = ids_of(message)
  local record = ids and ARGV[7] .. ids.job
  local known = ids and fields_of(record, 'state', 'deadline', 'patient', 'approval') or {}
  redis.call('XACK', KEYS[1], ARGV[1], id)
  redis.call('XDEL', KEYS[1], id)
  add_to_quarantine(KEYS[2], KEYS[4], {'reason', 'poison', 'entry', id, 'deliveries', deliveries, 'm', message})
  if not known[1] or has_ended(known[1]) then return end
  write_end(ends, {id = ids.job, record = record, deadline = known[2], state = 'failed', status = ARGV[8],
    reason = ARGV[9], answer = ARGV[10], path = (known[3] or '') .. '/' .. (known[4] or '')}, now, ARGV[11])
end

local most, allowed, last_one = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[13] == '1'
local taken, aside, left = {}, {}, 0
local from = ARGV[4] == '0-0' and '-' or '(' .. ARGV[4]
local looked_at = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', LOOKED_AT)
local cursor = #looked_at < LOOKED_AT and '0-0' or looked_at[#looked_at][1]
for _, pending in ipairs(looked_at) do
  local id, idle, deliveries = pending[1], pending[3], pending[4]
  local is_last = deliveries + 1 == allowed and deliveries > 0
  if idle >= lease and deliveries >= allowed then
    set_aside(id, deliveries)
    aside[#aside + 1] = id
  elseif idle >= lease and is_last and not last_one then
    left = 1
  elseif idle >= lease then
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], lease, id, 'RETRYCOUNT', int(deliveries))[1]
    if entry then taken[#taken + 1] = {id, deliveries, entry[2]} end
    if is_last then last_one = false end
    if #taken == most then
      cursor = id
      break
    end
  end
end
close_ends(ends, {live = KEYS[3], counts = KEYS[4], failures = KEYS[5], channel = ARGV[12]})
return {cursor, taken, aside, left, 0}
