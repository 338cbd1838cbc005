//! 9: Redis is killed and stays away for a while, again and again; and the control without an append-only file, which
//! must lose acknowledged jobs.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::refusals;
use tests::chaos::scenario_result::ScenarioResult;

/// Longest time until a worker fetches again.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Requests a second while Redis comes and goes.
const RATE: f64 = 100.0;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (jobs, outages): (usize, &[u64]) = setup.size((1_500, &[1, 5]), (10_000, &[1, 10, 60]));
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(3).apis(2).workers(2)).await;
    let load = env.load(RATE).at_once(500).patience(Duration::from_secs(150));
    let people = env.people(jobs).await;
    let asking = tokio::spawn(async move { load.run(people).await });
    for seconds in outages {
        let back = outage(&mut env, Duration::from_secs(*seconds)).await;
        result.within(&format!("fetching again after {seconds} s away"), back, BACK_WITHIN);
    }
    let asked = asking.await.expect("the clients");
    let drained = env.drained(Duration::from_mins(2)).await;
    result.require(drained.is_some(), "", "not drained two minutes later");
    result.exactly("processes exited", env.exited(), 0);
    let excused = HashSet::new();
    let evidence = env.evidence(asked, excused).await;
    report(&evidence, jobs, &mut result);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result.at_least("lost by the control without AOF", control(setup).await, 1);
    result
}

/// Kills Redis, waits, starts it, and returns how long after that the next job ended.
async fn outage(env: &mut ChaosEnv, away: Duration) -> Option<Duration> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    env.stack.redis.kill().await;
    tokio::time::sleep(away).await;
    env.stack.redis.restart().await;
    env.messages_reach(env.messages() + 1, Duration::from_secs(30)).await
}

fn report(evidence: &Evidence, jobs: usize, result: &mut ScenarioResult) {
    let lost = evidence.accepted().into_iter().filter(|job| !evidence.records.contains_key(*job)).count();
    result.exactly(&format!("of {} acknowledged lost", evidence.accepted().len()), lost, 0);
    result.exactly("clients never accepted", jobs - evidence.accepted().len(), 0);
    result.note(format!("{} processed", evidence.in_state("processed")));
    refusals::report(&evidence.asked, result);
}

/// The same with a Redis without persistence: returns how many acknowledged jobs it no longer knows.
async fn control(setup: Setup) -> usize {
    let jobs = setup.size(200, 1_000);
    let fleet = fleet(3).workers(0).redis(&["--appendonly", "no", "--save", ""]);
    let mut env = ChaosEnv::start(fleet).await;
    let asked = env.ask_all(jobs).await;
    env.stack.redis.kill().await;
    env.stack.redis.restart().await;
    let evidence = env.evidence(asked, HashSet::new()).await;
    let known = |asked: &&ClientRequest| asked.job().is_some_and(|job| !evidence.records.contains_key(job));
    let lost = evidence.asked.iter().filter(known).count();
    debug_assert!(evidence.asked.iter().all(|asked| !matches!(asked.attempts[0].told, ClientAnswer::Broken)));
    lost
}
