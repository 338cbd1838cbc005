-- Writes to a job's record, so that there is something for replicas to confirm; what was written before is confirmed with it.
-- KEYS  1 job record
-- Result  1, or 0 where there is no record
local left = redis.call('PTTL', KEYS[1])
if left < 0 then return 0 end
return redis.call('PEXPIRE', KEYS[1], left)
