//! 6: handlers that panic, a job that kills every process that runs it, and workers that die before they run what they
//! took over.

use std::collections::HashSet;
use std::time::Duration;

use redis::streams::StreamRangeReply;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;
use tests::keys::keys;

/// Longest time until everything has ended.
const WITHIN: Duration = Duration::from_mins(1);

/// Deliveries before a job is quarantined.
const DELIVERIES: u64 = 3;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    panics(setup, &mut result).await;
    poison(setup, &mut result).await;
    dead_before_the_run(&mut result).await;
    result
}

/// Before a message is submitted, one handler in twenty panics.
async fn panics(setup: Setup, result: &mut ScenarioResult) {
    let jobs = setup.size(300, 2_000);
    let mut env = ChaosEnv::start(fleet(3).workers(0)).await;
    let seed = setup.seed.0.to_string();
    let own = [("FAILPOINTS", "after_fetch=panic@0.05"), ("FAILPOINTS_SEED", seed.as_str())];
    env.stack.add_worker(&own).await;
    let asked = env.load(200.0).run(env.people(jobs).await).await;
    let drained = env.drained(WITHIN).await;
    let crashed = env.stack.workers[0].process.log().matches("run crashed").count();
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.at_least("runs panicked", crashed, 1);
    result.within("all ended after", drained, WITHIN);
    let failed = evidence.in_state("failed");
    // Three panics in a row of one job: 1 in 8,000.
    result.at_most("of the panicking set failed", failed, 1 + jobs / 1_000);
    result.exactly("ended", evidence.in_state("processed") + failed, jobs);
    let still_runs = env.stack.workers[0].process.stop(WITHIN).await;
    result.require(still_runs.success(), "the process went on", "and stopped with 0 when asked");
    env.check(&evidence, result).await;
    env.close(result);
}

/// One job among others aborts its process; the process is started again each time.
async fn poison(setup: Setup, result: &mut ScenarioResult) {
    let jobs = setup.size(100, 1_000);
    let mut env = ChaosEnv::start(fleet(2).workers(0)).await;
    let asked = env.ask_all(jobs).await;
    let poison = asked[jobs / 2].job().expect("accepted").to_owned();
    let plan = format!("after_fetch=abort~{poison}");
    let own = [("FAILPOINTS", plan.as_str()), ("RESEND_WORKER_CONCURRENCY", "32")];
    for _ in 0..DELIVERIES {
        env.stack.worker_that_dies(&own, WITHIN).await;
    }
    env.stack.add_worker(&own).await;
    let drained = env.drained(WITHIN).await;
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.within("poisoned set ended after", drained, WITHIN);
    let record = evidence.records.get(&poison).cloned().unwrap_or_default();
    result.require(
        record.status == Some(500),
        "poison failed for its client with 500",
        format!("{record:?}"),
    );
    result.require(
        aside(&env).await == [DELIVERIES],
        "set aside after exactly 3 deliveries",
        "and nothing else",
    );
    result.exactly("others processed", evidence.in_state("processed"), jobs - 1);
    let evidence = tests::chaos::evidence::Evidence {
        // The jobs beside it lost their workers too.
        excused: evidence.accepted().into_iter().map(str::to_owned).collect(),
        ..evidence
    };
    env.check(&evidence, result).await;
    env.close(result);
}

/// A run that died with its worker, and as many take-overs without a run as would quarantine the job if they counted.
async fn dead_before_the_run(result: &mut ScenarioResult) {
    let mut env = ChaosEnv::start(fleet(2).workers(0)).await;
    let asked = env.ask_all(1).await;
    for plan in ["after_fetch=abort", "after_take_over=abort", "after_take_over=abort"] {
        env.stack.worker_that_dies(&[("FAILPOINTS", plan)], WITHIN).await;
    }
    env.stack.add_worker(&[]).await;
    let drained = env.drained(WITHIN).await;
    result.within("ended after two take-overs without a run", drained, WITHIN);
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("of 1 processed", evidence.in_state("processed"), 1);
    result.exactly("set aside", aside(&env).await.len(), 0);
    env.check(&evidence, result).await;
    env.close(result);
}

/// How often each quarantined entry had been delivered.
async fn aside(env: &ChaosEnv) -> Vec<u64> {
    let reply: StreamRangeReply = env.stack.redis.command(&["XRANGE", &keys().quarantine(), "-", "+"]).await;
    reply.ids.iter().map(|entry| entry.get("deliveries").unwrap_or(0)).collect()
}
