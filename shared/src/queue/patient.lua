-- The messages for a patient's approvals, oldest first: lines of a time in ms, an approval and a job. They count
-- against the patient's limit, and against the cool-down and the hourly limit of the approval.
local PATIENT_KEPT = 1000

local function read_patient(text, now)
  local messages = {}
  if not text then return messages end
  for at, approval, job in string.gmatch(text, '(%d+) (%S+) ?(%S*)') do
    messages[#messages + 1] = {at = not_ahead(tonumber(at), now), approval = approval, job = job}
  end
  return messages
end

-- Writes those within the window; if `keep` is nil, the record keeps its time to live.
local function write_patient(patient_key, messages, window, now, keep)
  local lines = {}
  for i = math.max(#messages - PATIENT_KEPT, 0) + 1, #messages do
    local message = messages[i]
    if message.at + window > now then lines[#lines + 1] = int(message.at) .. ' ' .. message.approval .. ' ' .. message.job end
  end
  if #lines == 0 then
    redis.call('DEL', patient_key)
  elseif keep then
    redis.call('SET', patient_key, table.concat(lines, '\n'), 'PX', int(keep))
  else
    redis.call('SET', patient_key, table.concat(lines, '\n'), 'KEEPTTL')
  end
end
