-- What predictions use, for the scripts that make or feed them. The hash of the ETA holds `run`, the mean length of the
-- newest runs in ms; `seen`, how many of them count; `at`, when the newest ended; `slots`, the sum over all live
-- workers; `rate`, the most messages a second that the channels take, if that is bounded; and `closed`, since when no
-- channel takes any, ms.

-- Runs count for so many ms, older ones less; in an idle time about so many of the newest count.
local WINDOW, FEWEST = 5000, 25
-- What is promised before anything was measured, ms.
local UNMEASURED = 1000
-- The share of the channels' rate that a job can rely on to get its slot before its deadline: workers that die lose
-- slots, and workers do not keep the order of each other's jobs.
local RATE_USED = 0.8

-- A prediction that can still come true: a past one is moved by 1, 2, 4 … s, to the first time ahead.
local function still_ahead(eta, now)
  local step = 1000
  if now < eta then return eta end
  while now - eta >= step do step = step * 2 end
  return eta + step
end

-- Counts runs. Every run takes a slot, whatever its result, so runs that are retried count too.
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

-- The state of the queue: jobs that wait, run or are scheduled; the mean run in ms (nil before the first); the slots of
-- all live workers; messages a second (nil: no bound); and for how long no channel took any, ms.
local function look_ahead(stream, scheduled, eta_key, now)
  local known = redis.call('HMGET', eta_key, 'run', 'slots', 'rate', 'closed')
  local slots, rate, closed = tonumber(known[2]) or 0, tonumber(known[3]), tonumber(known[4])
  local entries = redis.call('XLEN', stream) + redis.call('ZCARD', scheduled)
  return {
    entries = entries, run = tonumber(known[1]), slots = slots > 0 and slots or 1, rate = rate and rate > 0 and rate,
    -- With no job left nobody tries the channels any more, so the next job has to find out.
    outage = entries > 0 and closed and math.max(now - closed, 0) or 0,
  }
end

-- How long the next entry will wait for its run, and how long the run will take, ms. By Little's law a full fleet runs
-- slots / mean run of them a second, and no more than the channels take. An outage of the channels is expected to last
-- as long again as it has lasted. The third result is the wait that the rate alone causes, ms.
local function predict(queue)
  local by_rate = queue.rate and queue.entries * 1000 / queue.rate or 0
  if not queue.run then return by_rate + queue.outage, UNMEASURED, by_rate end
  local by_slots = math.max(queue.entries + 1 - queue.slots, 0) * queue.run / queue.slots
  return math.max(by_slots, by_rate) + queue.outage, queue.run, by_rate
end

-- When a job that becomes ready at some time will have ended, if the queue is then as it is now; ms since the epoch.
local function expected_end(queue, ready_at)
  local wait, run = predict(queue)
  return int(math.ceil(ready_at + wait + run))
end
