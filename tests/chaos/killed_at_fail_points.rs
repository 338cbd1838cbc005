//! 2: a worker dies with all its jobs at the same place of their run; for each place.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::scenario_result::ScenarioResult;

/// Longest time until nothing is pending.
const ENDED_WITHIN: Duration = Duration::from_mins(1);

/// The places, and how many messages a job may have if its worker died there.
const PLACES: [(&str, usize); 6] = [
    ("after_fetch", 1),
    ("after_begin_send", 1),
    ("before_submit", 1),
    ("after_submit", 2),
    ("before_finish", 2),
    ("after_finish", 1),
];

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(60, 200);
    let mut result = ScenarioResult::default();
    let env = &mut ChaosEnv::start(fleet(3).workers(0)).await;
    let (mut asked, mut excused) = (Vec::new(), HashSet::new());
    for (place, allowed) in PLACES {
        let start = Instant::now();
        let struck = strike(env, place, jobs).await;
        let pending = env.drained(ENDED_WITHIN).await.map(|_| start.elapsed());
        let evidence = env.evidence(struck, HashSet::new()).await;
        report(&mut result, &evidence, (place, allowed), jobs);
        result.require(pending.is_some(), "", format!("{place}: still pending after 60 s"));
        if allowed == 2 {
            excused.extend(evidence.accepted().into_iter().map(str::to_owned));
        }
        asked.extend(evidence.asked);
    }
    let evidence = env.evidence(asked, excused).await;
    env.check(&evidence, &mut result).await;
    result
}

/// A worker takes all the jobs, and dies when the last has reached the place. Then a healthy one starts.
async fn strike(
    env: &mut ChaosEnv,
    place: &str,
    jobs: usize,
) -> Vec<tests::chaos::client_request::ClientRequest> {
    // No healthy worker may take a job before the doomed one does.
    env.stack.workers.clear();
    let asked = env.ask_all(jobs).await;
    let plan = format!("{place}=abort#{jobs}");
    let doomed = [("FAILPOINTS", plan.as_str()), ("RESEND_WORKER_CONCURRENCY", "256")];
    let doomed = env.stack.add_worker(&doomed).await;
    let ended = env.stack.workers[doomed].process.ended(Duration::from_secs(30)).await;
    assert!(!ended.success(), "the worker died at {place}");
    env.stack.workers.clear();
    env.stack.add_worker(&[]).await;
    asked
}

fn report(result: &mut ScenarioResult, evidence: &Evidence, (place, allowed): (&str, usize), jobs: usize) {
    let counts = [0, 1, 2, 3].map(|count| evidence.with_messages(count));
    let good = if allowed == 1 { counts[1] == jobs } else { counts[1] + counts[2] == jobs };
    let seen = format!("{place}: {} × 1 SMS, {} × 2", counts[1], counts[2]);
    result.require(good, seen, format!("of {jobs}; {} without, {} with three", counts[0], counts[3]));
    result.require(
        evidence.in_state("processed") == jobs,
        "",
        format!("{place}: {} failed", evidence.in_state("failed")),
    );
}
