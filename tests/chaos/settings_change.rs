//! 35: settings are changed by a rolling restart under load: a shorter lease and back, a shorter deadline, another key
//! for codes. Old and new workers run side by side, and neither may take over what the other works on.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;

/// Requests a second.
const RATE: f64 = 30.0;

/// How long the gateway takes to answer: longer than the short lease, so that a worker which judged others by its own
/// lease would take over jobs at the gateway.
const GATEWAY_MS: u64 = 7_000;

/// The key after the rotation, and the old one.
const KEYS: &str =
    "bmV3LWtleS1vZi10aGUtdGVzdHMtMzItYnl0ZXMtbG9uZyE=,dGVzdHMtb25seS1rZXktMzItYnl0ZXMtbG9uZy1hYmNk";

/// One setting, changed for one rolling restart after another.
const CHANGES: [(&str, &str); 4] = [
    ("RESEND_LEASE_SECONDS", "5"),
    ("RESEND_LEASE_SECONDS", "30"),
    ("RESEND_JOB_DEADLINE_SECONDS", "60"),
    ("RESEND_OTP_KEY", KEYS),
];

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let changes = setup.size(&CHANGES[..1], &CHANGES[..]);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(30).apis(2).workers(2)).await;
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": GATEWAY_MS, "accept": true}}])).await;
    let mut asked: Vec<ClientRequest> = Vec::new();
    for (name, value) in changes {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let people = env.people((RATE * 20.0) as usize).await;
        let load = env.load(RATE).at_once(200);
        let asking = tokio::spawn(async move { load.run(people).await });
        env.stack.set(name, value);
        // Both kinds of worker run together for longer than the short lease and a sweep.
        env.stack.add_worker(&[]).await;
        tokio::time::sleep(Duration::from_secs(12)).await;
        replace(&mut env, &mut result).await;
        asked.extend(asking.await.expect("the clients"));
    }
    let drained = env.drained(Duration::from_mins(1)).await;
    result.within("drained", drained, Duration::from_mins(1));
    let jobs = asked.len();
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("lost", jobs - evidence.in_state("processed"), 0);
    result.exactly("second SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Stops every worker and API except the newest worker, and starts others with the current settings.
async fn replace(env: &mut ChaosEnv, result: &mut ScenarioResult) {
    env.add_api(&[]).await;
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    for mut old in env.stack.apis.drain(..2).collect::<Vec<_>>() {
        env.targets.remove(&old.url);
        let status = old.process.stop(Duration::from_secs(27)).await;
        result.require(status.success(), "", format!("an API ended with {status}"));
    }
    for mut old in env.stack.workers.drain(..2).collect::<Vec<_>>() {
        let status = old.process.stop(Duration::from_secs(27)).await;
        result.require(status.success(), "", format!("a worker ended with {status}"));
    }
}
