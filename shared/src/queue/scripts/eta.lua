-- What predictions rest on, for the scripts that make or feed them. The hash of the ETA holds `run`, the mean length of
-- the newest runs in ms; `seen`, how many of them count; `at`, when the newest ended; and `slots`, of all live workers.

-- The runs of so many ms count, the older the less, and in an idle time about so many of the newest.
local WINDOW, FEWEST = 5000, 25
-- What is promised while nothing was measured yet, ms.
local UNMEASURED = 1000

-- Counts a run. Every run takes a slot, whatever came of it, so those that are tried again count, too.
local function note_run(eta_key, run, now)
  local known = redis.call('HMGET', eta_key, 'run', 'seen', 'at')
  local mean, seen = tonumber(known[1]) or 0, tonumber(known[2]) or 0
  local age = math.max(now - (tonumber(known[3]) or now), 0)
  seen = seen * math.max(math.exp(-age / WINDOW), 1 - 1 / FEWEST) + 1
  mean = mean + (run - mean) / seen
  redis.call('HSET', eta_key, 'run', string.format('%.3f', mean), 'seen', string.format('%.3f', seen), 'at', int(now))
end

-- How long the next entry will wait for its run, and how long that will take, ms. By Little's law a full fleet makes
-- slots / mean run of them a second.
local function predict(stream, eta_key)
  local known = redis.call('HMGET', eta_key, 'run', 'slots')
  local run, slots = tonumber(known[1]), tonumber(known[2]) or 0
  if not run then return 0, UNMEASURED end
  if slots <= 0 then slots = 1 end
  return math.max(redis.call('XLEN', stream) + 1 - slots, 0) * run / slots, run
end

-- When a job will have ended that becomes ready at some time, if the backlog is then as it is now; ms since the epoch.
local function expected_end(stream, eta_key, ready_at)
  local wait, run = predict(stream, eta_key)
  return math.ceil(ready_at + wait + run)
end
