//! 44: a steady load for a long time over a full quarantine, while workers are killed, connections cut and garbage
//! written into the stream. The numbers of connections, keys and open files, and the memory, must stay flat.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use shared::domain::ids::PatientId;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::Proxy;
use tests::chaos::scenario_result::ScenarioResult;
use tests::keys::keys;
use uuid::Uuid;

/// Requests a second.
const RATE: f64 = 50.0;

/// How long a record is kept, seconds: shorter than the run, so that expiry balances new records.
const RETENTION: u64 = 10;

/// Keys that live for an hour or a day by design: those of every patient, phone and idempotency key of the run still
/// exist at its end. They are recognised by their time to live, and measured by memory.
fn long_lived() -> [String; 3] {
    let patient = keys().patient(&PatientId(Uuid::nil()));
    [patient.replace(&Uuid::nil().to_string(), ""), keys().phone(""), keys().idempotency("")]
}

/// One in this many long-lived keys is measured.
const SAMPLE: usize = 50;

/// Bytes of a key's entry in the dictionary: `MEMORY USAGE` counts them, the size of the data set does not.
const DICT_ENTRY: f64 = 24.0;

/// Entries that the quarantine keeps, and garbage entries added at each disturbance.
const QUARANTINE_KEPT: usize = 10_000;
const GARBAGE: usize = 20;

/// Growth from the first third to the end that counts as noise, as a factor and as an absolute number.
const FACTOR: f64 = 1.3;
const SLACK: f64 = 20.0;

/// What must not grow.
#[derive(Debug, Clone, Copy)]
struct ResourceUse {
    connections: f64,
    /// Without the long-lived keys.
    keys: f64,
    /// Long-lived keys that never expire.
    kept_for_ever: usize,
    /// Without the long-lived keys.
    redis_mb: f64,
    api_mb: f64,
    files: f64,
}

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let length = Duration::from_secs(setup.size(60, 7_200));
    let mut result = ScenarioResult::default();
    let fleet =
        fleet(5).set("RESEND_JOB_RETENTION_SECONDS", RETENTION).set("RESEND_JOB_DEADLINE_SECONDS", 10);
    let mut env = ChaosEnv::start(fleet.apis(0).workers(0)).await;
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    env.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
    fill_quarantine(&env).await;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let (load, people) = (env.load(RATE), env.people((RATE * length.as_secs_f64()) as usize).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    let (start, mut early) = (Instant::now(), None);
    let mut tick = tokio::time::interval(Duration::from_secs(10));
    tick.tick().await;
    while !asking.is_finished() {
        tick.tick().await;
        if early.is_none() && start.elapsed() > length / 3 {
            early = Some(used(&env).await);
        }
        trouble(&mut env, &proxy).await;
    }
    let late = used(&env).await;
    let asked = asking.await.expect("the clients");
    result.note(format!("{} jobs in {:.0} s", asked.len(), start.elapsed().as_secs_f64()));
    compare(early.expect("longer than a third"), late, &mut result);
    let quarantined: usize = env.stack.redis.command(&["XLEN", &keys().quarantine()]).await;
    result.at_most("quarantined", quarantined, QUARANTINE_KEPT);
    result.within("drained", env.drained(Duration::from_mins(1)).await, Duration::from_mins(1));
    // Records expire after ten seconds here, so only sent messages can be counted.
    let evidence = env.evidence(Vec::new(), HashSet::new()).await;
    result.exactly("long-lived keys without an end", late.kept_for_ever, 0);
    result.at_most("more SMS than two for a job", over_two(&evidence.messages()), 0);
    env.close(&mut result);
    result
}

fn over_two(messages: &std::collections::HashMap<&str, Vec<&tests::sandbox::Message>>) -> usize {
    messages.values().filter(|of_job| of_job.len() > 2).count()
}

async fn fill_quarantine(env: &ChaosEnv) {
    let mut fill = redis::pipe();
    for _ in 0..QUARANTINE_KEPT {
        fill.cmd("XADD").arg(keys().quarantine()).arg("*").arg("reason").arg("malformed").ignore();
    }
    let () = fill.query_async(&mut env.redis().await).await.expect("a full quarantine");
}

/// Kills and replaces one worker, cuts every connection to Redis, and writes garbage.
async fn trouble(env: &mut ChaosEnv, proxy: &Proxy) {
    for _ in 0..GARBAGE {
        let _: String = env.stack.redis.command(&["XADD", &keys().stream(), "*", "m", "garbage"]).await;
    }
    env.stack.workers[0].process.kill().await;
    env.stack.workers.remove(0);
    env.stack.add_worker(&[]).await;
    proxy.cut();
}

async fn used(env: &ChaosEnv) -> ResourceUse {
    // First, for it also frees what has expired: by itself Redis leaves up to a tenth of all keys that can expire.
    let (keys, kept_for_ever, long_lived_bytes) = key_use(env).await;
    let info: String = env.stack.redis.command(&["INFO"]).await;
    let field = |name: &str| -> f64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
    };
    let api = env.stack.apis[0].process.id().expect("a running API");
    let status = std::fs::read_to_string(format!("/proc/{api}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: f64 =
        resident.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
    #[allow(clippy::cast_precision_loss)]
    let files = std::fs::read_dir(format!("/proc/{api}/fd")).map_or(0, Iterator::count) as f64;
    // What else may grow: the data set is without the buffers.
    let buffers = field("mem_clients_normal") + field("mem_aof_buffer");
    let redis_bytes = field("used_memory_dataset") + buffers - long_lived_bytes;
    let (connections, redis_mb) = (field("connected_clients"), redis_bytes / 1_048_576.0);
    ResourceUse { connections, keys, kept_for_ever, redis_mb, api_mb: kilobytes / 1_024.0, files }
}

/// The number of keys without the long-lived ones, how many of those never expire, and their memory.
async fn key_use(env: &ChaosEnv) -> (f64, usize, f64) {
    let mut redis = env.redis().await;
    let prefixes = long_lived();
    let (mut cursor, mut others, mut long_lived) = (0_u64, 0_usize, Vec::new());
    loop {
        let mut scan = redis::cmd("SCAN");
        let scan = scan.arg(cursor).arg("COUNT").arg(1_000);
        let (next, keys): (u64, Vec<String>) = scan.query_async(&mut redis).await.expect("the keys");
        for key in keys {
            if prefixes.iter().any(|prefix| key.starts_with(prefix)) {
                long_lived.push(key);
            } else {
                others += 1;
            }
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    let (mut ends, mut sizes) = (redis::pipe(), redis::pipe());
    for key in long_lived.iter().step_by(SAMPLE) {
        ends.cmd("PTTL").arg(key);
        sizes.cmd("MEMORY").arg("USAGE").arg(key);
    }
    let ends: Vec<i64> = ends.query_async(&mut redis).await.expect("their ends");
    let sizes: Vec<Option<u32>> = sizes.query_async(&mut redis).await.expect("their sizes");
    let bytes: f64 = sizes.into_iter().flatten().map(|size| f64::from(size) - DICT_ENTRY).sum();
    // -1 is a key that never expires, -2 one that has just expired.
    let kept_for_ever = ends.iter().filter(|end| **end == -1).count();
    #[allow(clippy::cast_precision_loss)]
    (others as f64, kept_for_ever, bytes * SAMPLE as f64)
}

fn compare(early: ResourceUse, late: ResourceUse, result: &mut ScenarioResult) {
    for (name, early, late) in [
        ("connections", early.connections, late.connections),
        ("keys", early.keys, late.keys),
        ("MB of Redis", early.redis_mb, late.redis_mb),
        ("MB of the API", early.api_mb, late.api_mb),
        ("open files of the API", early.files, late.files),
    ] {
        let shown = format!("{name} {early:.0} then {late:.0}");
        result.require(
            late <= early * FACTOR + SLACK,
            shown,
            format!("asked ≤ {FACTOR} times and {SLACK} more"),
        );
    }
}
