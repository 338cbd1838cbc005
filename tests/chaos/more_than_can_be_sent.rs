//! 41: (a) a channel sends ten messages a second and fifty are requested; (b) the gateway is down under load. In both
//! cases the service refuses requests before accepted jobs run out of time, and does not repeat look-ups for messages
//! that it cannot send.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::scenario_result::ScenarioResult;

/// Requests a second.
const RATE: f64 = 50.0;

/// Messages a second that the channel can send in (a).
const CHANNEL: u32 = 10;

/// Of this many accepted jobs, at most one may end at its deadline.
const ONE_IN: usize = 100;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (slow, down) = tokio::join!(slow_channel(setup), gateway_down(setup));
    let mut result = slow;
    result.seen.extend(down.seen);
    result.wrong.extend(down.wrong);
    result.kept.extend(down.kept);
    result
}

async fn slow_channel(setup: Setup) -> ScenarioResult {
    let (seconds, deadline) = setup.size((30, 20), (300, 120));
    let fleet = fleet(30).set("RESEND_SMS_PER_SECOND", CHANNEL).set("RESEND_JOB_DEADLINE_SECONDS", deadline);
    let mut env = ChaosEnv::start(fleet.workers(2)).await;
    let asked = ask_for(&env, seconds).await;
    judge(&mut env, asked, "a channel at 10 a second", deadline).await
}

async fn gateway_down(setup: Setup) -> ScenarioResult {
    let (down, deadline) = setup.size((30_u32, 50), (240, 300));
    let mut env = ChaosEnv::start(fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", deadline).workers(2)).await;
    env.control.faults(&json!([{"target": "sms", "action": {"status": 503, "retry_after": 1}}])).await;
    let back = async {
        tokio::time::sleep(Duration::from_secs(down.into())).await;
        env.control.faults(&json!([])).await;
    };
    // Long enough for requests to be accepted again.
    let (asked, ()) = tokio::join!(ask_for(&env, down + 10), back);
    judge(&mut env, asked, "gateway down", deadline).await
}

/// Clients that send one request and leave if it is refused.
async fn ask_for(env: &ChaosEnv, seconds: u32) -> Vec<ClientRequest> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = (RATE * f64::from(seconds)) as usize;
    env.load(RATE).patience(Duration::ZERO).run(env.people(count).await).await
}

async fn judge(env: &mut ChaosEnv, asked: Vec<ClientRequest>, name: &str, deadline: u64) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    let within = Duration::from_secs(deadline + 30);
    result.require(env.drained(within).await.is_some(), "", format!("{name}: not all ended"));
    let refused =
        asked.iter().flat_map(|asked| &asked.attempts).filter(|attempt| is_refusal(&attempt.told)).count();
    let evidence = env.evidence(asked, HashSet::new()).await;
    let accepted = evidence.accepted().len();
    result.at_least(&format!("refused, {name}"), refused, 1);
    let ran_out = evidence.in_state("failed");
    result.at_most(
        &format!("of {accepted} accepted ended at the deadline, {name}"),
        ran_out,
        accepted / ONE_IN,
    );
    result.at_most(&format!("look-ups, {name}"), look_ups(env).await, accepted * 2);
    check(env, &evidence, &mut result).await;
    result
}

fn is_refusal(told: &ClientAnswer) -> bool {
    matches!(told, ClientAnswer::Status { status: 503, .. })
}

#[allow(clippy::cast_possible_truncation)]
async fn look_ups(env: &ChaosEnv) -> usize {
    env.control.calls().await["approvals"]["total"].as_u64().expect("a count") as usize
}

async fn check(env: &mut ChaosEnv, evidence: &Evidence, result: &mut ScenarioResult) {
    env.check(evidence, result).await;
    result.exactly("processes exited", env.exited(), 0);
}
