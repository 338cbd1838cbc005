//! 7: entries that are no messages, among good ones.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rand::RngExt;
use redis::aio::MultiplexedConnection;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::records::GROUP;
use tests::chaos::scenario_result::ScenarioResult;
use tests::keys::keys;

/// Malformed entries.
const MALFORMED: usize = 100;

/// Longest time until all of them are quarantined.
const ASIDE_WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(300, 1_000);
    let env = ChaosEnv::start(fleet(3)).await;
    let mut result = ScenarioResult::default();
    let undisturbed = paced(&env, jobs).await;
    let mixing = tokio::spawn(mix_in(env.redis().await, setup.seed.rng("malformed")));
    let disturbed = paced(&env, jobs).await;
    let last = mixing.await.expect("entries can be added");
    let aside = all_aside(&env, last).await;

    result.within("100 set aside after", aside, ASIDE_WITHIN);
    let (before, with) = (undisturbed.p99, disturbed.p99);
    let asked = format!("p99 of good jobs without: {before:.1?}");
    result.require(
        with <= before * 2 + Duration::from_millis(250),
        format!("p99 of good jobs {with:.1?}"),
        asked,
    );
    let asked = undisturbed.asked.into_iter().chain(disturbed.asked).collect();
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("good ones processed", evidence.in_state("processed"), 2 * jobs);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Jobs at an even rate, and the time of each from its request to its end.
struct Paced {
    asked: Vec<tests::chaos::client_request::ClientRequest>,
    p99: Duration,
}

async fn paced(env: &ChaosEnv, jobs: usize) -> Paced {
    let (start, wall) = (Instant::now(), chrono::Utc::now().timestamp_millis());
    let asked = env.load(100.0).run(env.people(jobs).await).await;
    env.drained(Duration::from_secs(30)).await;
    let endings = env.endings.seen();
    let mut took: Vec<_> = asked
        .iter()
        .filter_map(|asked| {
            let sent = u64::try_from(asked.attempts.last()?.at_ms - wall).ok()?;
            Some(endings.get(asked.job()?)?.at.saturating_duration_since(start + Duration::from_millis(sent)))
        })
        .collect();
    took.sort();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or(Duration::MAX);
    Paced { asked, p99 }
}

/// Adds them at random moments within two seconds; returns when the last was added.
async fn mix_in(mut redis: MultiplexedConnection, mut rng: rand::rngs::StdRng) -> Instant {
    for number in 0..MALFORMED {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
        let (field, value) = malformed(number);
        let mut add = redis::cmd("XADD");
        add.arg(keys().stream()).arg("*").arg(field).arg(value);
        let _: String = add.query_async(&mut redis).await.expect("an entry is added");
    }
    Instant::now()
}

fn malformed(number: usize) -> (&'static str, Vec<u8>) {
    match number % 5 {
        0 => ("n", b"no field m".to_vec()),
        1 => ("m", b"\xff\xfe\xfd".to_vec()),
        2 => ("m", vec![b'x'; 1024 * 1024]),
        3 => ("m", br#"{"v":99,"job":"NBXk9EyErUZv1RhXgyvgg"}"#.to_vec()),
        _ => ("m", br#"{"v":1,"job":7,"patient":[],"approval":null}"#.to_vec()),
    }
}

/// How long after the last one all are quarantined and none is pending.
async fn all_aside(env: &ChaosEnv, last: Instant) -> Option<Duration> {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while last.elapsed() < ASIDE_WITHIN * 2 {
        look.tick().await;
        let aside: usize = env.stack.redis.command(&["XLEN", &keys().quarantine()]).await;
        let (pending, ..): (usize, Option<String>, Option<String>, redis::Value) =
            env.stack.redis.command(&["XPENDING", &keys().stream(), GROUP]).await;
        if aside == MALFORMED && pending == 0 {
            return Some(last.elapsed());
        }
    }
    None
}
