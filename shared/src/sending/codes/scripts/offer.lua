-- Offers the code of a job.
-- KEYS, ARGV  those of a code
-- Result  1, or 0 where the code was used
return offer(read_code(), now_ms()) and 1 or 0
