-- Reads the reports of living processes, and removes those of processes that are gone.
-- KEYS  1 reports
-- ARGV  1 ms after which a report is of a process that is gone
-- Result  process, report (JSON), process, report, …
local now, rows = now_ms(), {}
local reports = redis.call('HGETALL', KEYS[1])
for i = 1, #reports, 2 do
  local at, report = string.match(reports[i + 1], '^(%d+) (.*)$')
  local age = now - (tonumber(at) or 0)
  -- One ahead of the clock is from before the clock was set back, and will be renewed.
  if age <= tonumber(ARGV[1]) then
    rows[#rows + 1], rows[#rows + 2] = reports[i], report
  else
    redis.call('HDEL', KEYS[1], reports[i])
  end
end
return rows
