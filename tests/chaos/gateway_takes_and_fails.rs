//! 31: the gateway takes the message and then answers 503 or 500, cuts the connection or does not answer, with and
//! without `Retry-After`, on every channel. And an honest gateway that is down for a while, or for one request.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::scenario_result::ScenarioResult;

/// The deadline: two silences of ten seconds fit, and half of it is over before a job spends its last try.
const DEADLINE: u64 = 30;

/// Longest time until every job has ended.
const ENDED_WITHIN: Duration = Duration::from_secs(DEADLINE + 25);

/// The OTP service's answer to the repetition of a call that it has taken.
const LIMITED: u16 = 429;

/// One channel whose gateway fails in one way.
#[derive(Clone)]
struct Case {
    channel: &'static str,
    name: &'static str,
    action: Value,
    /// Most messages a job may have.
    most: usize,
}

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    for found in join_all(cases(setup).into_iter().map(|case| takes_and_fails(setup, case))).await {
        merge(&mut result, found);
    }
    let honest = [
        honest_outage(setup, json!({"status": 503, "retry_after": 1})),
        honest_outage(setup, json!({"status": 500})),
    ];
    for found in join_all(honest).await {
        merge(&mut result, found);
    }
    merge(&mut result, one_blink().await);
    result
}

fn merge(into: &mut ScenarioResult, found: ScenarioResult) {
    into.seen.extend(found.seen);
    into.wrong.extend(found.wrong);
    into.kept.extend(found.kept);
}

fn failures() -> Vec<(&'static str, Value, usize)> {
    vec![
        ("503", json!({"status": 503, "accept": true}), 2),
        ("503, Retry-After 0", json!({"status": 503, "retry_after": 0, "accept": true}), 4),
        ("503, Retry-After 2", json!({"status": 503, "retry_after": 2, "accept": true}), 4),
        ("500", json!({"status": 500, "accept": true}), 2),
        ("500, Retry-After 1", json!({"status": 500, "retry_after": 1, "accept": true}), 2),
        ("cut", json!({"cut": true, "accept": true}), 2),
        ("silence", json!({"hang": true, "accept": true}), 2),
    ]
}

/// The short form has each failure of the generic channel, and the two false refusals of the others.
fn cases(setup: Setup) -> Vec<Case> {
    let case = |channel| move |(name, action, most)| Case { channel, name, action, most };
    let all = |channel| failures().into_iter().map(case(channel)).collect::<Vec<_>>();
    let some = |channel| all(channel).into_iter().take(2).collect::<Vec<_>>();
    let others = ["turbosms", "twilio", "otp"].map(|channel| setup.size(some(channel), all(channel)));
    [all("sms")].into_iter().chain(others).flatten().collect()
}

fn fleet_of(env: &mut ChaosEnv, channel: &str) {
    let base = env.stack.sandbox.url.clone();
    match channel {
        "turbosms" => {
            env.stack.set("RESEND_SMS_CHANNEL", "turbosms");
            env.stack.set("RESEND_SMS_URL", format!("{base}/turbosms/message/send.json"));
        }
        "twilio" => {
            env.stack.set("RESEND_SMS_CHANNEL", "twilio");
            let path = "twilio/2010-04-01/Accounts/ACsandbox/Messages.json";
            env.stack.set("RESEND_SMS_URL", format!("{base}/{path}"));
        }
        "otp" => {
            env.stack.set("RESEND_OTP_MODE", "service");
            env.stack.set("RESEND_OTP_URL", format!("{base}/otp"));
        }
        _ => {}
    }
}

async fn start(channel: &str) -> ChaosEnv {
    let mut env = ChaosEnv::start(fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", DEADLINE).workers(0)).await;
    fleet_of(&mut env, channel);
    env.stack.add_worker(&[]).await;
    env
}

/// A separate fleet under one failure, until every job has ended by itself.
async fn takes_and_fails(setup: Setup, case: Case) -> ScenarioResult {
    let is_otp = case.channel == "otp";
    let jobs = if is_otp { 1 } else { setup.size(3, 20) };
    let env = start(case.channel).await;
    let mut faults = vec![json!({"target": case.channel, "action": case.action})];
    if is_otp {
        // The service takes the first call, fails, and then applies its own limit to the repetition.
        faults[0]["times"] = json!(1);
        faults.push(json!({"target": "otp", "action": {"status": LIMITED, "retry_after": 60}}));
    }
    env.control.faults(&Value::Array(faults)).await;
    let asked = env.ask_all(jobs).await;
    let mut result = ScenarioResult::default();
    let drained = env.drained(ENDED_WITHIN).await;
    let excused: HashSet<String> = asked.iter().filter_map(|asked| asked.job().map(str::to_owned)).collect();
    let evidence = env.evidence(asked, excused).await.allowing(case.most);
    let label = format!("{} {}", case.channel, case.name);
    result.require(drained.is_some(), "", format!("{label}: not all ended"));
    let most = most_to_one_phone(&evidence);
    result.note(format!("{label}: most {most} SMS, {}", ends(&evidence)));
    let called_limit = evidence.records.values().filter(|record| record.status == Some(LIMITED)).count();
    result.require(called_limit == 0, "", format!("{label}: a job ended 429 whose message may be out"));
    result.require(most <= case.most, "", format!("{label}: {most} SMS to one phone"));
    // Messages of the other two have no reference to a job.
    if matches!(case.channel, "sms" | "turbosms") {
        env.check(&evidence, &mut result).await;
    }
    env.close(&mut result);
    result
}

/// Each job here has its own phone.
fn most_to_one_phone(evidence: &Evidence) -> usize {
    let mut messages: HashMap<&str, usize> = HashMap::new();
    for message in &evidence.ledger {
        *messages.entry(&message.to).or_default() += 1;
    }
    messages.into_values().max().unwrap_or(0)
}

fn ends(evidence: &Evidence) -> String {
    format!("{} processed, {} failed", evidence.in_state("processed"), evidence.in_state("failed"))
}

/// The gateway takes nothing for a while and says so: every job waits, and none fails.
async fn honest_outage(setup: Setup, action: Value) -> ScenarioResult {
    let (jobs, outage) = setup.size((10, 8), (100, 120));
    let deadline = setup.size(DEADLINE, 300);
    let env = ChaosEnv::start(fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", deadline)).await;
    env.control.faults(&json!([{"target": "sms", "action": action}])).await;
    let asked = env.ask_all(jobs).await;
    tokio::time::sleep(Duration::from_secs(outage)).await;
    env.control.faults(&json!([])).await;
    let mut result = ScenarioResult::default();
    let within = Duration::from_secs(deadline);
    result.require(env.drained(within).await.is_some(), "", "honest outage: not all ended");
    let evidence = env.evidence(asked, HashSet::new()).await;
    let failed = evidence.in_state("failed");
    result.exactly(&format!("of {jobs} failed, gateway {action} for {outage} s"), failed, 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// A single job whose gateway fails once: no other job shows that the channel works again, and it must be sent all the
/// same.
async fn one_blink() -> ScenarioResult {
    let env = start("sms").await;
    env.control.faults(&json!([{"target": "sms", "action": {"status": 500}, "times": 1}])).await;
    let asked = env.ask_all(1).await;
    let mut result = ScenarioResult::default();
    result.within("one job and one failure, ended after", env.drained(ENDED_WITHIN).await, ENDED_WITHIN);
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("lonely job sent", evidence.in_state("processed"), 1);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}
