//! 19: a long backlog, and many retries due at once.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use redis::Script;
use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;
use tests::chaos::script_work::ScriptWork;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::stack::STOPS_WITHIN;

/// Memory limit for a worker.
const MOST_KIB: usize = 150 * 1024;

/// Most ids one script may touch.
const MOST_IDS: usize = 500;

/// Longest time until everything due is in the stream.
const PROMOTED_WITHIN: Duration = Duration::from_mins(2);

/// Schedules queued jobs as if a retry of each were due now, 500 per call.
const PUT_BACK: &str = r"
local now = redis.call('TIME')[1] * 1000
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 500)
for _, entry in ipairs(entries) do
  local message = entry[2][2]
  local job = ARGV[1] .. cjson.decode(message).job
  redis.call('XDEL', KEYS[1], entry[1])
  redis.call('ZADD', KEYS[2], now, message)
  redis.call('HSET', job, 'state', 'scheduled', 'due', now)
end
return #entries";

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (backlog, retries) = setup.size((4_000, 2_000), (100_000, 20_000));
    let mut result = ScenarioResult::default();
    let fleet = fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", 3_600).set("RESEND_OTP_TTL_SECONDS", 3_600);
    let mut env = ChaosEnv::start(fleet.workers(0)).await;
    let seconds = setup.size(2, 15);
    let mut asked = clients(&env, seconds).await;
    let idle = p99(&asked);
    // A busy worker slows an API on the same machine, which is no effect of the backlog: so a tenth of it is the
    // baseline.
    asked.extend(env.ask_all(backlog / 10).await);
    env.stack.add_worker(&[]).await;
    let beside_a_tenth = clients(&env, seconds).await;
    let before = p99(&beside_a_tenth);
    asked.extend(beside_a_tenth);
    result.require(env.drained(Duration::from_mins(1)).await.is_some(), "", "the first jobs do not end");
    let status = env.stack.workers[0].process.stop(STOPS_WITHIN).await;
    result.require(status.success(), "", status);
    env.stack.workers.clear();

    asked.extend(env.ask_all(retries).await);
    result.exactly("retries due at once", put_back(&env).await, retries);
    asked.extend(env.ask_all(backlog).await);
    let start = Instant::now();
    let worker = env.stack.add_worker(&[]).await;
    promoted(&env, &mut result).await;
    let during = clients(&env, seconds).await;
    let left = env.left().await.unwrap_or(0);
    let (harmed, most) = (p99(&during), before * 2 + Duration::from_millis(50));
    let shown = |p99: Duration| format!("{:.1} ms", p99.as_secs_f64() * 1_000.0);
    let seen = format!(
        "API p99 {} idle, {} while a tenth drains, {} while all does",
        shown(idle),
        shown(before),
        shown(harmed)
    );
    result.require(harmed <= most, seen, format!("asked ≤ {}", shown(most)));
    result.require(setup.short || left > 0, format!("{left} left when that was measured"), "asked some");
    asked.extend(during);

    let limit = Duration::from_secs(setup.size(60, 600));
    let drained = env.drained(limit).await.map(|_| start.elapsed());
    result.within("drained", drained, limit);
    result.at_most("KiB at most in the worker", memory(&env, worker), MOST_KIB);
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("processed", evidence.in_state("processed"), evidence.asked.len());
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Clients that send requests for this many seconds.
async fn clients(env: &ChaosEnv, seconds: usize) -> Vec<ClientRequest> {
    env.load(50.0).run(env.people(50 * seconds).await).await
}

/// Waits until everything due is in the stream, and measures the work of each script meanwhile.
async fn promoted(env: &ChaosEnv, result: &mut ScenarioResult) {
    let work = ScriptWork::of(env.stack.redis.port()).await.expect("a running Redis");
    eventually("all that is due is in the stream", PROMOTED_WITHIN, || async {
        let left: u64 = env.stack.redis.command(&["ZCARD", &keys().scheduled()]).await;
        (left == 0).then_some(())
    })
    .await;
    let most = work.most();
    result.at_least("scripts watched", most.scripts, 10);
    result.at_most(&format!("ids in one script at most (by {})", most.command), most.calls, MOST_IDS);
}

async fn put_back(env: &ChaosEnv) -> usize {
    let (script, mut redis, mut all) = (Script::new(PUT_BACK), env.redis().await, 0);
    loop {
        let mut call = script.key(keys().stream());
        let moved: usize = call
            .key(keys().scheduled())
            .arg(keys().job_prefix())
            .invoke_async(&mut redis)
            .await
            .expect("Redis answers");
        all += moved;
        if moved == 0 {
            return all;
        }
    }
}

fn p99(asked: &[ClientRequest]) -> Duration {
    let mut took: Vec<_> =
        asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| attempt.took).collect();
    took.sort();
    took.get(took.len() * 99 / 100).copied().unwrap_or_default()
}

/// The peak memory of a worker, from the kernel.
fn memory(env: &ChaosEnv, worker: usize) -> usize {
    let id = env.stack.workers[worker].process.id().unwrap_or_default();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}
