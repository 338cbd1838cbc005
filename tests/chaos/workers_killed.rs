//! 1: workers die at random under load, and others take over what they held.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::orphans::Orphans;
use tests::chaos::scenario_result::ScenarioResult;
use tests::stack::Member;

/// Workers running at any time.
const WORKERS: usize = 2;

/// Longest time from an owner's death to a job's end.
const ENDED_WITHIN: Duration = Duration::from_mins(1);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (jobs, rate, lease) = setup.size((1_200, 150.0, 3), (10_000, 200.0, 30));
    let fleet = fleet(lease).apis(2).workers(WORKERS).set("RESEND_WORKER_CONCURRENCY", 32);
    let mut env = ChaosEnv::start(fleet).await;
    // A slow gateway, so that dying workers hold jobs.
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": 150}}])).await;
    let load = env.load(rate);
    let asking = tokio::spawn({
        let people = env.people(jobs).await;
        async move { load.run(people).await }
    });
    let mut dead = kill_until(&mut env, setup.seed.rng("kill"), || asking.is_finished()).await;
    let asked = asking.await.expect("the clients");
    watch_take_over(&env, &mut dead).await;
    let drained = env.drained(ENDED_WITHIN).await;

    let mut result = ScenarioResult::default();
    let excused: HashSet<String> = dead.iter().flat_map(|orphans| orphans.jobs.clone()).collect();
    let evidence = env.evidence(asked, excused.clone()).await;
    result.note(format!("{} kills, {} jobs orphaned", dead.len(), excused.len()));
    result.exactly("accepted", evidence.accepted().len(), jobs);
    result.exactly("ended", evidence.in_state("processed") + evidence.in_state("failed"), jobs);
    result.note(format!("{} failed", evidence.in_state("failed")));
    let taken_over =
        dead.iter().map(Orphans::taken_over_after).max_by_key(|after| after.unwrap_or(Duration::MAX));
    result.within("taken over", taken_over.flatten(), Duration::from_secs(lease + 6));
    result.within("ended after death", ended_after(&evidence, &dead), ENDED_WITHIN);
    result.within("drained", drained, ENDED_WITHIN);
    result.note(format!("{} with two SMS", evidence.with_messages(2)));
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Kills one worker after the other, each replaced at once, until the clients are done.
async fn kill_until(env: &mut ChaosEnv, mut rng: StdRng, done: impl Fn() -> bool) -> Vec<Orphans> {
    let (mut dead, mut redis) = (Vec::new(), env.redis().await);
    while !done() {
        let pause = Duration::from_millis(rng.random_range(200..800));
        tokio::time::sleep(pause).await;
        let victim = rng.random_range(0..env.stack.workers.len());
        let mut victim: Member = env.stack.workers.swap_remove(victim);
        let consumer =
            victim.process.logged("taking jobs").await["consumer"].as_str().unwrap_or_default().to_owned();
        victim.process.kill().await;
        dead.push(Orphans::of(&mut redis, &consumer).await.expect("Redis answers"));
        for orphans in &mut dead {
            orphans.look(&mut redis).await.expect("Redis answers");
        }
        env.stack.add_worker(&[]).await;
    }
    dead
}

/// Waits until no dead worker holds anything.
async fn watch_take_over(env: &ChaosEnv, dead: &mut [Orphans]) {
    let mut redis = env.redis().await;
    let (start, mut look) = (Instant::now(), tokio::time::interval(Duration::from_millis(200)));
    while start.elapsed() < ENDED_WITHIN && dead.iter().any(|orphans| orphans.taken_over.is_none()) {
        look.tick().await;
        for orphans in dead.iter_mut() {
            orphans.look(&mut redis).await.expect("Redis answers");
        }
    }
}

/// The longest time from the death of a job's last owner to the job's end.
fn ended_after(evidence: &tests::chaos::evidence::Evidence, dead: &[Orphans]) -> Option<Duration> {
    let mut longest = Duration::ZERO;
    for job in dead.iter().flat_map(|orphans| &orphans.jobs) {
        let ended = evidence.endings.get(job)?.at;
        let last_death = dead.iter().filter(|orphans| orphans.jobs.contains(job) && orphans.died < ended);
        longest = longest.max(last_death.map(|orphans| ended - orphans.died).min().unwrap_or_default());
    }
    Some(longest)
}
