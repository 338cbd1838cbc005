-- Records the intent to send, where limits and codes are on servers of their own.
-- KEYS  1 stream; of each job: those of a send
-- ARGV  1 jobs, 2 group, 3 sends a job may begin; of each job: those of a send
-- Result  for each go, late, exhausted or lost
local jobs, stream, group, most = number(), key(), arg(), number()
local now = now_ms()

local rows = {}
for i = 1, jobs do
  local send = read_send()
  local word = may_send(send, stream, group, most, now)
  if word == 'go' or word == 'again' then
    begin_send(send, word, now)
    word = 'go'
  end
  rows[i] = word
end
return rows
