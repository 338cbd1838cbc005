//! 17, second half: the gateway answers 503, or its port is closed, for a minute. After a few failures in a row it gets
//! only an occasional probe; when it is back, every job must end well.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::metrics;
use tests::chaos::proxy::Proxy;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::process::free_port;

/// Most failures before the gateway is left alone.
const MOST_FAILURES: usize = 10;

/// The breaker's limit is far below this, so it has opened if this many calls were made and no more follow.
const AT_LEAST: usize = 5;

/// Longest time until everything has ended once the gateway is back.
const DRAINED_WITHIN: Duration = Duration::from_mins(1);

/// How the gateway is away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// It answers 503.
    Unavailable,
    /// Connections are refused.
    Refused,
}

pub(crate) async fn run(setup: Setup, result: &mut ScenarioResult) {
    let (said, refused) = tokio::join!(one(setup, Outage::Unavailable), one(setup, Outage::Refused));
    for found in [said, refused] {
        result.seen.extend(found.seen);
        result.wrong.extend(found.wrong);
        result.kept.extend(found.kept);
    }
}

/// One message at a time, so that failures come one after the other and can be counted.
async fn one(setup: Setup, away: Outage) -> ScenarioResult {
    let (jobs, length) = (setup.size(30, 200), Duration::from_secs(setup.size(6, 60)));
    let mut result = ScenarioResult::default();
    let fleet = fleet(30).workers(0).set("RESEND_WORKER_CONCURRENCY", 1);
    let mut env = ChaosEnv::start(fleet).await;
    let port = free_port().expect("a free port");
    let mut proxy = None;
    if away == Outage::Unavailable {
        env.control.faults(&json!([{"target": "sms", "action": {"status": 503}}])).await;
        proxy = Some(Proxy::at(port, port_of(&env)).await.expect("a proxy"));
    }
    env.stack.set("RESEND_SMS_URL", url_at(port));
    env.stack.add_worker(&[]).await;
    let asked = env.ask_all(jobs).await;
    let name = if away == Outage::Refused { "refused" } else { "503" };
    let opened = opened_after(&env).await;
    result.at_most(&format!("calls until it is left alone, {name}"), opened, MOST_FAILURES);
    tokio::time::sleep(length).await;
    let probes = calls(&env).await - opened;
    result.at_least(&format!("probes in {} s, {name}", length.as_secs()), probes, 1);
    result.at_most(&format!("probes, {name}"), probes, usize::try_from(length.as_secs()).unwrap_or(1));
    result.exactly(&format!("SMS meanwhile, {name}"), env.messages(), 0);
    env.control.faults(&json!([])).await;
    let _back = match proxy {
        Some(proxy) => proxy,
        None => Proxy::at(port, port_of(&env)).await.expect("the port is still free"),
    };
    result.within(&format!("drained, {name}"), env.drained(DRAINED_WITHIN).await, DRAINED_WITHIN);
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly(&format!("of {jobs} processed, {name}"), evidence.in_state("processed"), jobs);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Waits for a second without a call; returns how many calls there were before.
async fn opened_after(env: &ChaosEnv) -> usize {
    eventually("the gateway is left alone", Duration::from_secs(30), || async {
        let before = calls(env).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        (before >= AT_LEAST && calls(env).await == before).then_some(before)
    })
    .await
}

/// The worker's own count of calls to the gateway: nobody else sees a refused connection.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
async fn calls(env: &ChaosEnv) -> usize {
    let text = metrics::of(&env.stack.workers[0].url).await;
    let sms: String = text
        .lines()
        .filter(|line| line.contains("service=\"sms\""))
        .fold(String::new(), |all, line| all + line + "\n");
    metrics::sum(&sms, "resend_upstream_seconds_count") as usize
}

/// The sandbox's port.
pub(crate) fn port_of(env: &ChaosEnv) -> u16 {
    let port = env.stack.sandbox.url.rsplit(':').next().and_then(|port| port.parse().ok());
    port.expect("a URL with a port")
}

/// The address of the gateway, behind this port.
pub(crate) fn url_at(port: u16) -> String {
    format!("http://127.0.0.1:{port}/sms/messages")
}
