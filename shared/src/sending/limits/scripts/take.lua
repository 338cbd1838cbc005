-- Counts a message to one subject if none of the subject's limits is reached.
-- KEYS  those of a subject
-- ARGV  message, those of a subject
-- Result  {0, 0}, or {number of the limit that is reached, when it lets the next message through in ms}
local message, subject, now = arg(), read_subject(), now_ms()
local reached, next_attempt = limit_reached(subject, message, now)
if reached == 0 then count(subject, message, now) end
return {reached, next_attempt}
