-- What predictions rest on, for the scripts that make or feed them. The hash of the ETA holds `run`, the mean length of
-- the newest runs in ms; `seen`, how many of them count; `at`, when the newest ended; and `slots`, of all live workers.

-- The runs of so many ms count, the older the less, and in an idle time about so many of the newest.
local WINDOW, FEWEST = 5000, 25
-- What is promised while nothing was measured yet, ms.
local UNMEASURED = 1000

-- Counts runs. Every run takes a slot, whatever came of it, so those that are tried again count, too.
local function note_runs(eta_key, runs, now)
  if #runs == 0 then return end
  local known = redis.call('HMGET', eta_key, 'run', 'seen', 'at')
  local mean, seen = tonumber(known[1]) or 0, tonumber(known[2]) or 0
  local age = math.max(now - (tonumber(known[3]) or now), 0)
  for _, run in ipairs(runs) do
    seen = seen * math.max(math.exp(-age / WINDOW), 1 - 1 / FEWEST) + 1
    mean = mean + (run - mean) / seen
    age = 0
  end
  redis.call('HSET', eta_key, 'run', string.format('%.3f', mean), 'seen', string.format('%.3f', seen), 'at', int(now))
end

-- What the queue is like now: its entries, the mean run in ms (none yet: nil), and the slots of all live workers.
local function look_ahead(stream, eta_key)
  local known = redis.call('HMGET', eta_key, 'run', 'slots')
  local slots = tonumber(known[2]) or 0
  return {entries = redis.call('XLEN', stream), run = tonumber(known[1]), slots = slots > 0 and slots or 1}
end

-- How long the next entry will wait for its run, and how long that will take, ms. By Little's law a full fleet makes
-- slots / mean run of them a second.
local function predict(queue)
  if not queue.run then return 0, UNMEASURED end
  return math.max(queue.entries + 1 - queue.slots, 0) * queue.run / queue.slots, queue.run
end

-- When a job will have ended that becomes ready at some time, if the backlog is then as it is now; ms since the epoch.
local function expected_end(stream, eta_key, ready_at)
  local wait, run = predict(look_ahead(stream, eta_key))
  return math.ceil(ready_at + wait + run)
end
