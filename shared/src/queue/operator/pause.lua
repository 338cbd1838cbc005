-- Makes the workers take nothing new.
-- KEYS  1 paused
-- Result  1, or 0 if it was paused already, in which case the time it began is kept
--
-- Writes in either case, so that replicas have something to confirm.
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], before or int(now_ms()))
return before and 0 or 1
