-- Reads the reports of living processes, and removes those of processes that are gone.
-- KEYS  1 reports
-- ARGV  1 age in ms from which a report counts as left by a process that is gone
-- Result  process, report (JSON), process, report, …
local now, rows = now_ms(), {}
local reports = redis.call('HGETALL', KEYS[1])
for i = 1, #reports, 2 do
  local at, report = string.match(reports[i + 1], '^(%d+) (.*)$')
  local age = now - (tonumber(at) or 0)
  -- A time ahead of the clock was written before the clock was set back, and will be renewed.
  if age <= tonumber(ARGV[1]) then
    rows[#rows + 1], rows[#rows + 2] = reports[i], report
  else
    redis.call('HDEL', KEYS[1], reports[i])
  end
end
return rows
