-- Writes to a job's record, so that replicas confirm the writes before it.
-- KEYS  1 job record
-- Result  1, or 0 where there is no record
return write_again(KEYS[1])
