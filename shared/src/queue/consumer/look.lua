-- What a worker reads every second; changes nothing, so that it is answered also where Redis refuses writes.
-- KEYS  1 paused
-- Result  {1 where the workers are to fetch nothing else 0, Redis' clock in ms}
return {redis.call('EXISTS', KEYS[1]), now_ms()}
