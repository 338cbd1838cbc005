-- Lets the workers take jobs again. A key that expires at once is gone: every user that may pause may do that, and not
-- every one may delete keys.
-- KEYS  1 paused
-- Result  1, or 0 where it was not paused
--
-- Written in either case, so that there is something for replicas to confirm; the first write is allowed also where memory
-- is full, and so is what comes after it.
local was_paused = redis.call('PEXPIRE', KEYS[1], 0)
redis.call('SET', KEYS[1], '0')
redis.call('PEXPIRE', KEYS[1], 0)
return was_paused
