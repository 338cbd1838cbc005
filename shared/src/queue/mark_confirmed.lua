-- Marks a job's end as confirmed by replicas, so that it can be read even while no replica is connected.
-- KEYS  1 job record
-- Result  1, or 0 if it is marked already or there is no record
if redis.call('PTTL', KEYS[1]) < 0 then return 0 end
return redis.call('HSET', KEYS[1], 'confirmed', '1')
