-- Read by each worker every second; changes nothing, so that Redis answers it even when it refuses writes.
-- KEYS  1 paused
-- Result  {1 if the workers must fetch nothing, else 0; Redis' clock in ms}
return {redis.call('EXISTS', KEYS[1]), now_ms()}
