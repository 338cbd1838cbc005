//! 44: a steady load for a long time, with workers killed and connections cut on the way. Connections, memory, keys and
//! open files are flat.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::finding::Finding;
use tests::chaos::proxy::Proxy;

/// Requests a second.
const RATE: f64 = 50.0;

/// How long a record stays, seconds: shorter than the run, so that what goes balances what comes.
const RETENTION: u64 = 10;

/// Growth from the first third to the end that is noise, as a factor and as an absolute count.
const FACTOR: f64 = 1.3;
const SLACK: f64 = 20.0;

/// What must not grow.
#[derive(Debug, Clone, Copy)]
struct Use {
    connections: f64,
    keys: f64,
    redis_mb: f64,
    api_mb: f64,
    files: f64,
}

pub(crate) async fn run(setup: Setup) -> Finding {
    let length = Duration::from_secs(setup.size(60, 7_200));
    let mut finding = Finding::default();
    let fleet =
        fleet(5).set("RESEND_JOB_RETENTION_SECONDS", RETENTION).set("RESEND_JOB_DEADLINE_SECONDS", 10);
    let mut env = ChaosEnv::start(fleet.apis(0).workers(0)).await;
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    env.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
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
    finding.note(format!("{} jobs in {:.0} s", asked.len(), start.elapsed().as_secs_f64()));
    compare(early.expect("longer than a third"), late, &mut finding);
    finding.within("drained", env.drained(Duration::from_mins(1)).await, Duration::from_mins(1));
    // Records go after ten seconds here, so only what was sent can be counted.
    let evidence = env.evidence(Vec::new(), HashSet::new()).await;
    finding.at_most("more SMS than two for a job", over_two(&evidence.messages()), 0);
    env.close(&mut finding);
    finding
}

fn over_two(messages: &std::collections::HashMap<&str, Vec<&tests::sandbox::Message>>) -> usize {
    messages.values().filter(|of_job| of_job.len() > 2).count()
}

/// One worker is killed and replaced, and every connection to Redis is cut.
async fn trouble(env: &mut ChaosEnv, proxy: &Proxy) {
    env.stack.workers[0].process.kill().await;
    env.stack.workers.remove(0);
    env.stack.add_worker(&[]).await;
    proxy.cut();
}

async fn used(env: &ChaosEnv) -> Use {
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
    #[allow(clippy::cast_precision_loss)]
    let keys = env.stack.redis.command::<u64>(&["DBSIZE"]).await as f64;
    let megabyte = 1_048_576.0;
    let (connections, redis_mb) = (field("connected_clients"), field("used_memory") / megabyte);
    Use { connections, keys, redis_mb, api_mb: kilobytes / 1_024.0, files }
}

fn compare(early: Use, late: Use, finding: &mut Finding) {
    for (name, early, late) in [
        ("connections", early.connections, late.connections),
        ("keys", early.keys, late.keys),
        ("MB of Redis", early.redis_mb, late.redis_mb),
        ("MB of the API", early.api_mb, late.api_mb),
        ("open files of the API", early.files, late.files),
    ] {
        let shown = format!("{name} {early:.0} then {late:.0}");
        finding.require(
            late <= early * FACTOR + SLACK,
            shown,
            format!("asked ≤ {FACTOR} times and {SLACK} more"),
        );
    }
}
