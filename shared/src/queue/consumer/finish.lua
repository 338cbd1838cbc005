-- Ends jobs. A worker that lost its delivery changes nothing.
-- KEYS  1 stream, 2 live, 3 eta, 4 counts, 5 failures; of each job: its record
-- ARGV  1 jobs, 2 group, 3 retention ms, 4 channel; of each job: consumer, entry, delivery number, job, patient/approval,
--       request, state, status code, reason (empty: none), result JSON, run ms (empty: not to be counted), channel that the
--       message was handed to (empty: none)
-- Result  for each {word, eta ms, now ms}; words: finished, ended (it had ended before), lost, corrupt (its key holds
--         what no script of ours writes)
local FIRST_KEY, FIRST_ARG, ARGS_EACH = 6, 5, 12

local stream, group, retention = KEYS[1], ARGV[2], ARGV[3]
local keys = {live = KEYS[2], counts = KEYS[4], failures = KEYS[5], channel = ARGV[4]}
local now = now_ms()

local jobs = {}
for i = 1, tonumber(ARGV[1]) do
  -- Every field is named here, also those that are known later: a table that grows is made anew each time.
  local a = FIRST_ARG + (i - 1) * ARGS_EACH
  jobs[i] = {
    consumer = ARGV[a], entry = ARGV[a + 1], number = ARGV[a + 2], id = ARGV[a + 3], path = ARGV[a + 4],
    request = ARGV[a + 5], state = ARGV[a + 6], status = ARGV[a + 7], reason = ARGV[a + 8], answer = ARGV[a + 9],
    run = tonumber(ARGV[a + 10]), channel = ARGV[a + 11],
    record = KEYS[FIRST_KEY + i - 1], owned = false, idle = 0, known = false, is_corrupt = false, deadline = false,
  }
end

-- All is read before anything is written: an error must not leave a job acknowledged without its end.
fence(stream, group, jobs)
local acknowledged = {}
for _, job in ipairs(jobs) do
  job.known, job.is_corrupt = fields_of(job.record, 'state', 'eta', 'deadline')
  job.deadline = job.known[3]
  if job.owned then acknowledged[#acknowledged + 1] = job.entry end
end
if #acknowledged > 0 then
  redis.call('XACK', stream, group, unpack(acknowledged))
  redis.call('XDEL', stream, unpack(acknowledged))
end

local function finish(job, ends)
  local state = job.known[1]
  if job.is_corrupt then return 'corrupt' end
  if job.owned and state and not has_ended(state) and not ends.written[job.record] then
    write_end(ends, job, now, retention)
    ends.written[job.record] = true
    return 'finished'
  end
  if not job.owned and not has_ended(state) then return 'lost' end
  if not job.owned then write_again(job.record) end
  return 'ended'
end

local ends, rows, runs = no_ends(), {}, {}
ends.written = {}
for i, job in ipairs(jobs) do
  local word = finish(job, ends)
  rows[i] = {word, job.known[2] or '0', now}
  if word == 'finished' then runs[#runs + 1] = job.run end
end
close_ends(ends, keys)
note_runs(KEYS[3], runs, now)
return rows
