//! 17: the gateway takes a message and hangs, fails, is cut, refuses, is away, drips, floods, redirects.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::chaos::arena::{Arena, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::finding::Finding;
use tests::chaos::metrics;

/// One way to misbehave.
struct Case {
    name: &'static str,
    fault: Value,
    /// Whether the gateway took the message before: then a second one is allowed.
    silent: bool,
    /// Whether jobs are expected to end well although the fault stays.
    ends_well: bool,
}

/// Seconds until a job's deadline: less than the lease of jobs that hang, times two.
const DEADLINE: u64 = 24;

/// Longest until every job has ended.
const ENDED_WITHIN: Duration = Duration::from_secs(DEADLINE + 25);

/// Longest an upstream call may take.
const CALL_WITHIN: Duration = Duration::from_millis(10_500);

pub(crate) async fn run(setup: Setup) -> Finding {
    let jobs = setup.size(8, 50);
    let mut finding = Finding::default();
    let running = cases().into_iter().map(|case| async move { (one(&case, jobs).await, case) });
    for ((evidence, found), case) in futures_util::future::join_all(running).await {
        let (name, processed) = (case.name, evidence.in_state("processed"));
        let failed = evidence.in_state("failed");
        finding.note(format!("{name}: {processed} processed, {failed} failed, most {} SMS", most(&evidence)));
        finding.wrong.extend(found.wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
        finding.kept.extend(found.kept);
        finding.require(!case.ends_well || processed == jobs, "", format!("{name}: not all ended well"));
    }
    breaker(setup, &mut finding).await;
    finding
}

fn cases() -> Vec<Case> {
    let case = |name, fault, silent, ends_well| Case { name, fault, silent, ends_well };
    vec![
        case("takes it and hangs", json!({"hang": true, "accept": true}), true, false),
        case("takes it and says 500", json!({"status": 500, "accept": true}), true, false),
        case("takes it and cuts", json!({"cut": true, "accept": true}), true, false),
        case("503", json!({"status": 503}), false, false),
        case("429, Retry-After 2", json!({"status": 429, "retry_after": 2}), false, false),
        case("drips", json!({"drip_ms": 300}), true, false),
        case("10 MB body", json!({"huge_body": 10_000_000, "accept": true}), false, true),
        case("HTML", json!({"html": true, "accept": true}), false, true),
        case("redirect", json!({"redirect": "http://127.0.0.1:9/"}), false, false),
    ]
}

/// A fleet of its own under one fault until every job has ended by itself.
async fn one(case: &Case, jobs: usize) -> (Evidence, Finding) {
    let fleet = fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", DEADLINE);
    let arena = Arena::start(fleet).await;
    arena.control.faults(&json!([{"target": "sms", "action": case.fault}])).await;
    let asked = arena.ask_all(jobs).await;
    let mut finding = Finding::default();
    finding.within("ended after", arena.drained(ENDED_WITHIN).await, ENDED_WITHIN);
    let jobs: HashSet<String> = asked.iter().filter_map(|asked| asked.job().map(str::to_owned)).collect();
    let excused = if case.silent { jobs } else { HashSet::new() };
    let evidence = arena.evidence(asked, excused).await;
    arena.check(&evidence, &mut finding).await;
    let slowest = mean_call(&arena).await;
    finding.require(slowest <= CALL_WITHIN, "", format!("calls took {slowest:.1?}"));
    arena.close(&mut finding);
    (evidence, finding)
}

fn most(evidence: &Evidence) -> usize {
    evidence.messages().values().map(Vec::len).max().unwrap_or(0)
}

/// The mean length of a call. Where a gateway hangs, all calls are as long as they may be; the histogram's buckets are
/// too wide to tell.
async fn mean_call(arena: &Arena) -> Duration {
    let text = metrics::of(&arena.stack.workers[0].url).await;
    let (sum, count) =
        (metrics::sum(&text, "resend_sms_seconds_sum"), metrics::sum(&text, "resend_sms_seconds_count"));
    Duration::from_secs_f64(if count > 0.0 { sum / count } else { 0.0 })
}

/// The gateway is away: after so many failures it is no longer asked by every job, but probed; then it is back.
async fn breaker(setup: Setup, finding: &mut Finding) {
    let jobs = setup.size(60, 300);
    let away = Duration::from_secs(setup.size(6, 60));
    let arena = Arena::start(fleet(30)).await;
    arena.control.faults(&json!([{"target": "sms", "action": {"status": 503}}])).await;
    let asked = arena.ask_all(jobs).await;
    tokio::time::sleep(away).await;
    let calls = arena.control.calls().await["sms"]["total"].as_u64().unwrap_or(0);
    arena.control.faults(&json!([])).await;
    let drained = arena.drained(Duration::from_mins(3)).await;
    // Ten failures open it, those already under way may still come, and then one probe a second at most.
    let most = 10 + 64 + usize::try_from(away.as_secs()).unwrap_or(0);
    finding.at_most(
        &format!("calls while 503 for {} s", away.as_secs()),
        usize::try_from(calls).unwrap_or(usize::MAX),
        most,
    );
    finding.within("drained after it was back", drained, Duration::from_mins(1));
    let evidence = arena.evidence(asked, HashSet::new()).await;
    finding.note(format!("{} processed of {jobs}", evidence.in_state("processed")));
    arena.check(&evidence, finding).await;
    arena.close(finding);
}
