-- Returns a quarantined entry to the stream, if its job still exists and has not ended.
-- KEYS  1 stream, 2 quarantine
-- ARGV  1 quarantined entry, 2 prefix of job records (same hash tag)
-- Result  {word, job}; words: back, ended (its job has ended, and an ended job never changes), waiting (its job is
--         already in the stream or the schedule), orphan (it holds no job of ours, or its record has expired) or
--         unknown (no such entry)
local kept = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not kept then return {'unknown', ''} end
local fields = {}
for i = 1, #kept[2], 2 do fields[kept[2][i]] = kept[2][i + 1] end
local ids = ids_of(fields.m or '')
local job = ids and ids.job or ''
if not ids then return {'orphan', ''} end
local job_key = ARGV[2] .. job
local record = fields_of(job_key, 'state', 'entry', 'accepted')
if not record[1] then return {'orphan', job} end
if has_ended(record[1]) then return {'ended', job} end
if record[1] == 'scheduled' or record[2] and #redis.call('XRANGE', KEYS[1], record[2], record[2]) == 1 then return {'waiting', job} end
redis.call('XDEL', KEYS[2], ARGV[1])
local entry = redis.call('XADD', KEYS[1], '*', 'm', fields.m, 'at', record[3] or int(now_ms()))
redis.call('HSET', job_key, 'state', 'queued', 'entry', entry)
return {'back', job}
