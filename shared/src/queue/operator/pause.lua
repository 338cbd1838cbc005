-- Has the workers take nothing new.
-- KEYS  1 paused
-- Result  1, or 0 where it was paused already, which keeps the time it began
--
-- Written in either case, so that there is something for replicas to confirm.
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], before or int(now_ms()))
return before and 0 or 1
