//! 19: a long backlog, and many retries due at once.

use std::collections::HashSet;
use std::time::Duration;

use redis::Script;
use tests::chaos::arena::{Arena, Setup, fleet};
use tests::chaos::asked::Asked;
use tests::chaos::finding::Finding;

/// Most memory a worker may have had.
const MOST_KIB: usize = 150 * 1024;

/// Longest a script may hold Redis, microseconds: far above 500 ids' worth, far below a whole backlog's.
const SCRIPT_US: usize = 100_000;

/// Puts queued jobs back as if a retry of each were due now, 500 a call.
const PUT_BACK: &str = r"
local now = redis.call('TIME')[1] * 1000
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 500)
for _, entry in ipairs(entries) do
  local message = entry[2][2]
  local job = 'resend:{0}:job:' .. cjson.decode(message).job
  redis.call('XDEL', KEYS[1], entry[1])
  redis.call('ZADD', KEYS[2], now, message)
  redis.call('HSET', job, 'state', 'scheduled', 'due', now)
end
return #entries";

pub(crate) async fn run(setup: Setup) -> Finding {
    let (backlog, retries) = setup.size((4_000, 2_000), (100_000, 20_000));
    let mut finding = Finding::default();
    let mut arena = Arena::start(
        fleet(30).workers(0).set("RESEND_JOB_DEADLINE_SECONDS", 3_600).set("RESEND_OTP_TTL_SECONDS", 3_600),
    )
    .await;
    let _: String = arena.stack.redis.command(&["CONFIG", "SET", "slowlog-log-slower-than", "2000"]).await;
    let alone = p99(&arena.load(50.0).run(arena.people(200).await).await);
    let mut asked = arena.ask_all(retries).await;
    finding.exactly("retries due at once", put_back(&arena).await, retries + 200);
    asked.extend(arena.ask_all(backlog).await);
    arena.stack.add_worker(&[]).await;
    let during = arena.load(20.0).run(arena.people(setup.size(60, 600)).await).await;
    let harmed = p99(&during);
    finding.within("API p99 while draining", Some(harmed), alone * 5 + Duration::from_millis(250));
    let limit = Duration::from_secs(setup.size(60, 900));
    finding.within("drained", arena.drained(limit).await, limit);
    finding.at_most("KiB at most in the worker", memory(&arena), MOST_KIB);
    finding.at_most("µs in the slowest script", slowest(&arena).await, SCRIPT_US);
    let expected = retries + backlog + during.len();
    asked.extend(during);
    let evidence = arena.evidence(asked, HashSet::new()).await;
    finding.exactly("processed", evidence.in_state("processed"), expected);
    arena.check(&evidence, &mut finding).await;
    arena.close(&mut finding);
    finding
}

async fn put_back(arena: &Arena) -> usize {
    let (script, mut redis, mut all) = (Script::new(PUT_BACK), arena.redis().await, 0);
    loop {
        let mut call = script.key("resend:{0}:stream");
        let moved: usize =
            call.key("resend:{0}:scheduled").invoke_async(&mut redis).await.expect("Redis answers");
        all += moved;
        if moved == 0 {
            return all;
        }
    }
}

fn p99(asked: &[Asked]) -> Duration {
    let mut took: Vec<_> =
        asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| attempt.took).collect();
    took.sort();
    took.get(took.len() * 99 / 100).copied().unwrap_or_default()
}

/// The most memory the worker had, as the kernel kept it.
fn memory(arena: &Arena) -> usize {
    let id = arena.stack.workers[0].process.id().unwrap_or_default();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

async fn slowest(arena: &Arena) -> usize {
    let log: Vec<Vec<redis::Value>> = arena.stack.redis.command(&["SLOWLOG", "GET", "128"]).await;
    let ours = |entry: &&Vec<redis::Value>| {
        let words: Vec<String> = redis::from_redis_value(entry[3].clone()).unwrap_or_default();
        // What this scenario itself runs is not the service's.
        words.first().is_some_and(|word| word.starts_with("EVAL"))
            && !words.iter().any(|word| word == &Script::new(PUT_BACK).get_hash().to_owned())
    };
    let times = log.iter().filter(ours).map(|entry| redis::from_redis_value(entry[2].clone()).unwrap_or(0));
    times.max().unwrap_or(0)
}
