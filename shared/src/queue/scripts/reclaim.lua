-- Takes over entries whose owner was silent for a lease; sets aside those that were delivered too often, and ends
-- their jobs.
-- KEYS  1 stream, 2 quarantine, 3 live, 4 counts, 5 failures
-- ARGV  1 group, 2 consumer, 3 lease ms, 4 cursor, 5 how many at most, 6 deliveries allowed, 7 prefix of job records,
--       8 prefix of results, 9 status code and 10 result JSON of a job that is set aside, 11 retention ms, 12 channel
-- Result  {next cursor, {{entry, delivery number, fields}, …}, {entry set aside, …}}
local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local taken, aside = {}, {}
for _, entry in ipairs(claimed[2]) do
  local id, fields = entry[1], entry[2]
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  local number = pending[1] and pending[1][4] or 1
  if number <= tonumber(ARGV[6]) then
    taken[#taken + 1] = {id, number, fields}
  else
    redis.call('XACK', KEYS[1], ARGV[1], id)
    redis.call('XDEL', KEYS[1], id)
    local message = ''
    for i = 1, #fields, 2 do
      if fields[i] == 'm' then message = fields[i + 1] end
    end
    redis.call('XADD', KEYS[2], '*', 'reason', 'poison', 'entry', id, 'deliveries', number - 1, 'm', message)
    local readable, ids = pcall(cjson.decode, message)
    if readable and type(ids) == 'table' and type(ids.job) == 'string' then
      local job_key = ARGV[7] .. ids.job
      local state = redis.call('HGET', job_key, 'state')
      if state and not has_ended(state) then
        local keys = {job = job_key, result = ARGV[8] .. ids.job, live = KEYS[3], counts = KEYS[4],
          failures = KEYS[5], channel = ARGV[12]}
        write_end(keys, ids.job, tostring(ids.patient) .. '/' .. tostring(ids.approval), 'failed', ARGV[9], ARGV[10],
          ARGV[11])
      end
    end
    aside[#aside + 1] = id
  end
end
return {claimed[1], taken, aside}
