-- Takes one guess at a phone's codes and hands out what it may be compared with. It is taken before the comparison, and
-- also where there is nothing to compare with, so that the answers do not tell whether a phone was sent a code.
-- KEYS  1 the phone's record
-- ARGV  1 guesses there are, 2 life of a code in ms, 3 nonce of this guess: repeated at once, it is counted once
-- Result  {word, {{job, hash}, …}}; words: compare, expired, spent (with the codes that are live nevertheless)
local record = redis.call('HMGET', KEYS[1], 'guesses', 'guess', 'job', 'hash', 'expires', 'next_job', 'next_hash',
  'next_expires')
local now = now_ms()
local live = {}
for first = 3, 6, 3 do
  if record[first] and tonumber(record[first + 2]) > now then
    live[#live + 1] = {record[first], record[first + 1]}
  end
end
if record[2] == ARGV[3] then return {'compare', live} end
if tonumber(record[1] or 0) >= tonumber(ARGV[1]) then return {'spent', live} end
if #live == 0 and (record[3] or record[6]) then return {'expired', {}} end
redis.call('HINCRBY', KEYS[1], 'guesses', 1)
redis.call('HSET', KEYS[1], 'guess', ARGV[3])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2) end
return {'compare', live}
