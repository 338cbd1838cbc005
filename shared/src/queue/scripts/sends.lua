-- The intent to send, recorded before anything is sent. Asked twice by the same delivery it counts once, so that a lost
-- answer may be asked for again.
local HOUR = 3600000
-- More than any limit asks for would only cost memory.
local KEPT = 1000

-- A job that is to send; keys: its record, the sends of its approval; arguments: consumer, entry, delivery number.
local function read_send()
  local record, sends = key(), key()
  local consumer, entry, number = arg(), arg(), arg()
  return {record = record, sends = sends, consumer = consumer, entry = entry, number = number}
end

-- Whether it may: go, again (this delivery has leave already), late, exhausted or lost. Notes what its record says: client,
-- sends begun `before` this one.
local function may_send(send, stream, group, most, now)
  if not owns(stream, group, send.entry, send.consumer, send.number) then return 'lost' end
  local record = fields_of(send.record, 'state', 'deadline', 'sends', 'begun', 'client')
  if not record[1] or has_ended(record[1]) then
    -- An entry whose record is gone, or whose job was ended otherwise: nobody waits for it.
    redis.call('XACK', stream, group, send.entry)
    redis.call('XDEL', stream, send.entry)
    return 'lost'
  end
  send.this, send.before, send.client = send.entry .. ':' .. send.number, tonumber(record[3]), record[5]
  -- Also where it has leave already: whoever asks again has stood still.
  if now > tonumber(record[2]) then return 'late' end
  if record[4] == send.this then
    send.before = send.before - 1
    return 'again'
  end
  if send.before >= most then return 'exhausted' end
  return 'go'
end

-- Records it, where the word was go or again.
local function begin_send(send, word, now)
  if word == 'again' then
    -- Written again, so that there is something for replicas to confirm.
    redis.call('HSET', send.record, 'begun', send.this)
    return
  end
  redis.call('HSET', send.record, 'state', 'sending', 'sends', int(send.before + 1), 'begun', send.this)
  if redis.call('RPUSH', send.sends, int(now)) > KEPT then redis.call('LTRIM', send.sends, int(-KEPT), '-1') end
  redis.call('PEXPIRE', send.sends, int(HOUR))
end
