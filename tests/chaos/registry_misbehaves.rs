//! 18: the registry fails, is slow, answers for another patient, without a phone, with another method; an approval is
//! verified while its job is queued.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::chaos::client_request::{ClientRequest, Person};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;

/// Longest time until every job has ended.
const WITHIN: Duration = Duration::from_mins(1);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(20, 200);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(30)).await;
    let mut asked = Vec::new();
    let passing = jobs * 2;
    for (name, faults) in [
        ("5xx for a while", json!([{"target": "persons", "action": {"status": 502}, "times": passing}])),
        ("slow", json!([{"target": "approvals", "action": {"delay_ms": 1_500}}])),
        ("silent for a while", json!([{"target": "persons", "action": {"hang": true}, "times": jobs}])),
        ("cut for a while", json!([{"target": "approvals", "action": {"cut": true}, "times": jobs}])),
    ] {
        let (told, processed, sent) = one(&env, &faults, jobs).await;
        result.exactly(&format!("of {jobs} processed, {name}"), processed, jobs);
        result.require(sent == jobs, "", format!("{name}: {sent} SMS"));
        asked.extend(told);
    }
    for (name, action) in
        [("another patient", json!({"other_patient": true})), ("null phone", json!({"null_phone": true}))]
    {
        let faults = json!([{"target": "approvals", "action": action}]);
        let (told, _, sent) = one(&env, &faults, jobs).await;
        result.exactly(&format!("SMS, {name}"), sent, 0);
        asked.extend(told);
    }
    asked.extend(changed_while_queued(&mut env, jobs, &mut result).await);
    let evidence = env.evidence(asked, HashSet::new()).await;
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Jobs under these faults: the clients' answers, how many jobs were processed, and how many messages were sent.
async fn one(env: &ChaosEnv, faults: &Value, jobs: usize) -> (Vec<ClientRequest>, usize, usize) {
    env.control.faults(faults).await;
    let before = env.messages();
    let asked = env.ask_all(jobs).await;
    assert!(env.drained(WITHIN).await.is_some(), "all jobs end under {faults}");
    env.control.faults(&json!([])).await;
    let evidence = env.evidence(asked, HashSet::new()).await;
    let (processed, sent) = (evidence.in_state("processed"), env.messages() - before);
    (evidence.asked, processed, sent)
}

/// No worker runs while the approvals are verified, closed, or get another method.
async fn changed_while_queued(
    env: &mut ChaosEnv,
    jobs: usize,
    result: &mut ScenarioResult,
) -> Vec<ClientRequest> {
    env.stack.workers.clear();
    let asked = env.ask_all(jobs).await;
    for (number, one) in asked.iter().enumerate() {
        env.control.put_approval(&one.person, &changed(number, &one.person)).await;
    }
    let before = env.messages();
    env.stack.add_worker(&[]).await;
    result.require(env.drained(WITHIN).await.is_some(), "", "jobs of changed approvals do not end");
    result.exactly("SMS for approvals changed while queued", env.messages() - before, 0);
    let evidence = env.evidence(asked, HashSet::new()).await;
    let refused = evidence
        .records
        .iter()
        .filter(|(job, record)| evidence.accepted().contains(job.as_str()) && record.status == Some(409));
    result.exactly("of them 409", refused.count(), jobs);
    evidence.asked
}

fn changed(number: usize, person: &Person) -> Value {
    let mut approval = json!({
        "id": person.approval_id, "patient_id": person.patient_id, "granted_resources": [], "granted_to": {},
        "reason": {}, "expires_at": 4_102_444_800_u64, "status": "new", "access_level": "read", "authorize_with": null,
        "urgent": {"type": "OTP", "phone_number": person.phone},
    });
    match number % 3 {
        0 => approval["status"] = "active".into(),
        1 => approval["expires_at"] = 1_498_749_591.into(),
        _ => approval["urgent"]["type"] = "OFFLINE".into(),
    }
    approval
}
