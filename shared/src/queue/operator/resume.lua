-- Lets the workers take jobs again. The key is deleted by letting it expire at once: every user that may pause may do
-- that, but not every one may delete keys.
-- KEYS  1 paused
-- Result  1, or 0 if it was not paused
--
-- Writes in either case, so that replicas have something to confirm. The first write is allowed even when memory is
-- full, and so are those after it.
local was_paused = redis.call('PEXPIRE', KEYS[1], 0)
redis.call('SET', KEYS[1], '0')
redis.call('PEXPIRE', KEYS[1], 0)
return was_paused
