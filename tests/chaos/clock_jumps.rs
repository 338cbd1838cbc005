//! 29: Redis' clock, which leases, deadlines and limits use, jumps an hour ahead and back, then two hours back and
//! ahead again, under load. Second messages are prevented by recorded state, so this holds whatever the clock says.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::json;
use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::clock::Clock;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::scenario_result::ScenarioResult;

/// Requests a second.
const RATE: f64 = 100.0;

/// Longest time until everything has ended once the clock is right again.
const DRAINED_WITHIN: Duration = Duration::from_mins(1);

/// The deadline of every job, in seconds of real time: no SMS later, whatever Redis' clock said.
const DEADLINE: u64 = 300;

/// How long the gateway takes to answer, so that messages are in progress at each jump.
const GATEWAY_MS: u64 = 300;

/// The errors of the clock in seconds, in order.
const JUMPS: [i64; 4] = [3_600, 0, -7_200, 0];

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(600, 3_000);
    let Some(clock) = Clock::new() else {
        return ScenarioResult::not_run("there is no C compiler, cc, for the shim");
    };
    let mut result = ScenarioResult::default();
    let fleet = fleet(5).apis(2).workers(2).redis_environment(&clock.environment());
    let mut env = ChaosEnv::start(fleet).await;
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": GATEWAY_MS, "accept": true}}])).await;
    let (load, people) = (env.load(RATE).at_once(500), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    for (number, jump) in (1..).zip(JUMPS) {
        let reached = env.messages_reach(jobs * number / 6, DRAINED_WITHIN).await;
        result.require(reached.is_some(), "", format!("clock {jump} s: the load stands still before it"));
        clock.set(jump);
    }
    let asked = asking.await.expect("the clients");
    result.note(format!("clock wrong by {JUMPS:?} s"));
    result.within("drained", env.drained(DRAINED_WITHIN).await, DRAINED_WITHIN);
    result.exactly("processes exited", env.exited(), 0);
    let evidence = by_the_wall(env.evidence(asked, HashSet::new()).await, DEADLINE);
    result.at_least("accepted", evidence.accepted().len(), jobs);
    let (processed, failed) = (evidence.in_state("processed"), evidence.in_state("failed"));
    result.note(format!("{processed} processed, {failed} failed"));
    result.note(format!("{} with two SMS", evidence.with_messages(2)));
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Replaces deadlines by Redis' clock with those by the clients' clock.
pub(crate) fn by_the_wall(mut evidence: Evidence, deadline_seconds: u64) -> Evidence {
    let deadline_ms = i64::try_from(deadline_seconds * 1_000).unwrap_or(i64::MAX);
    let accepted: HashMap<String, i64> = evidence.asked.iter().filter_map(accepted_at).collect();
    for (job, at) in accepted {
        let records = evidence.records.get_mut(&job).into_iter();
        let seen = evidence.endings.get_mut(&job).map(|ending| &mut ending.record);
        records.chain(seen).for_each(|record| record.deadline_ms = at + deadline_ms);
    }
    evidence
}

fn accepted_at(asked: &ClientRequest) -> Option<(String, i64)> {
    asked.attempts.iter().find_map(|attempt| match &attempt.told {
        ClientAnswer::Accepted { job, .. } => Some((job.clone(), attempt.at_ms)),
        _ => None,
    })
}
