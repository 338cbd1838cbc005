-- Leave to send, all in one step: the limits on messages, the intent to send, and the offer of the code. What is refused
-- leaves nothing behind.
-- KEYS  1 stream; of each job: those of a send, those of its subjects, those of its code
-- ARGV  1 jobs, 2 group, 3 sends a job may begin; of each job: those of a send, job, how many subjects, those of each; how
--       many limits its client has, and where it has any what goes before and after the client in its key, and those of
--       each limit; 1 where a code is to be offered, and those of the code
-- Result  for each {go, the message as it is counted, client, 1 where the code was offered},
--         {limit, number of the subject (the client's is the last), number of its limit, when it lets the next message
--         through in ms}, {late}, {exhausted} or {lost}
local jobs, stream, group, most = number(), key(), arg(), number()
local now = now_ms()

local function read_client()
  local limits = number()
  if limits == 0 then return nil end
  local before, after = arg(), arg()
  return {before = before, after = after, limits = read_limits(limits)}
end

local function read_job()
  local job = {send = read_send(), id = arg(), subjects = {}}
  for i = 1, number() do job.subjects[i] = read_subject() end
  job.client = read_client()
  job.code = number() == 1 and read_code() or nil
  return job
end

-- The limit that is reached and lets the next message through last.
local function refusal(subjects, message)
  local refused
  for i, subject in ipairs(subjects) do
    local limit, next_attempt = limit_reached(subject, message, now)
    if limit > 0 and (not refused or next_attempt >= refused[4]) then refused = {'limit', i, limit, next_attempt} end
  end
  return refused
end

local function leave(job)
  local send, subjects = job.send, job.subjects
  local word = may_send(send, stream, group, most, now)
  if word == 'lost' then return {word} end
  if job.client and send.client then
    subjects[#subjects + 1] = {messages = job.client.before .. send.client .. job.client.after, limits = job.client.limits}
  end
  local message = job.id .. ':' .. int(send.before)
  local refused = refusal(subjects, message)
  if refused then return refused end
  if word ~= 'go' and word ~= 'again' then return {word} end
  for _, subject in ipairs(subjects) do count(subject, message, now) end
  begin_send(send, word, now)
  local is_offered = job.code ~= nil and offer(job.code, now)
  return {'go', message, send.client or '', is_offered and 1 or 0}
end

local rows = {}
for i = 1, jobs do rows[i] = leave(read_job()) end
return rows
