//! 17: the gateway takes a message and then hangs, fails, cuts the connection, drips, floods or redirects. A proxy
//! measures how long each call takes and how much of each answer is read. `gateway_away` covers how it is left alone
//! while it is away.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::proxy::{Call, Flow, Proxy};
use tests::chaos::scenario_result::ScenarioResult;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::gateway_away;

/// One way to misbehave.
struct Case {
    name: &'static str,
    fault: Value,
    /// Whether the gateway took the message first, so that a second one is allowed.
    silent: bool,
    /// Whether jobs must end well although the fault continues.
    ends_well: bool,
}

/// The result of one case.
struct CaseResult {
    evidence: Evidence,
    calls: Vec<Call>,
    result: ScenarioResult,
}

/// The deadline in seconds: less than twice the lease of jobs that hang.
const DEADLINE: u64 = 24;

/// Longest time until every job has ended.
const ENDED_WITHIN: Duration = Duration::from_secs(DEADLINE + 25);

/// Longest an upstream call may take: ten seconds, and a moment for the proxy to notice its end.
const CALL_WITHIN: Duration = Duration::from_millis(10_500);

/// Answers are sent in pieces, so that the gateway notices how much was read when it can send no more.
const PIECE: usize = 4 * 1024;
const EVERY: Duration = Duration::from_millis(25);

/// Most bytes of an answer that may be read: 64 KiB, and a few pieces that were in transit.
const MOST_READ: usize = 64 * 1024 + 4 * PIECE;

/// The wait that the gateway asks for, and how long after its answer a call that was already sent may still arrive.
const RETRY_AFTER: Duration = Duration::from_secs(2);
const ON_ITS_WAY: Duration = Duration::from_millis(300);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(8, 50);
    let mut result = ScenarioResult::default();
    let (address, followed, trap) = trap().await;
    let running = cases(&address).into_iter().map(|case| async move { (one(&case, jobs).await, case) });
    for (shown, case) in futures_util::future::join_all(running).await {
        let (name, processed) = (case.name, shown.evidence.in_state("processed"));
        let (failed, most) = (shown.evidence.in_state("failed"), most(&shown.evidence));
        let slowest = shown.calls.iter().map(Call::took).max().unwrap_or_default();
        let read = shown.calls.iter().map(|call| call.answered).max().unwrap_or(0);
        result.note(format!(
            "{name}: {processed} processed, {failed} failed, most {most} SMS, slowest call {:.1} s, {read} bytes read",
            slowest.as_secs_f64()
        ));
        result.wrong.extend(shown.result.wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
        result.kept.extend(shown.result.kept);
        result.require(!case.ends_well || processed == jobs, "", format!("{name}: not all ended well"));
        result.require(slowest <= CALL_WITHIN, "", format!("{name}: a call took {slowest:.1?}"));
        result.require(read <= MOST_READ, "", format!("{name}: {read} bytes read, asked ≤ {MOST_READ}"));
        if case.fault["retry_after"].is_number() {
            result.exactly("calls sooner than Retry-After", too_soon(&shown.calls), 0);
        }
    }
    result.exactly("redirects followed", followed.load(Ordering::Relaxed), 0);
    trap.abort();
    gateway_away::run(setup, &mut result).await;
    result
}

/// The target of redirects: returns its address and the number of its visits.
async fn trap() -> (String, Arc<AtomicUsize>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}/", listener.local_addr().expect("a bound port"));
    let came = Arc::<AtomicUsize>::default();
    let into = Arc::clone(&came);
    let listening = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            into.fetch_add(1, Ordering::Relaxed);
        }
    });
    (address, came, listening)
}

fn cases(trap: &str) -> Vec<Case> {
    let case = |name, fault, silent, ends_well| Case { name, fault, silent, ends_well };
    vec![
        case("takes it and hangs", json!({"hang": true, "accept": true}), true, false),
        case("takes it and says 500", json!({"status": 500, "accept": true}), true, false),
        case("takes it and cuts", json!({"cut": true, "accept": true}), true, false),
        case("503", json!({"status": 503}), false, false),
        case("429, Retry-After 2", json!({"status": 429, "retry_after": 2}), false, false),
        case("drips", json!({"drip_ms": 300}), true, false),
        case("10 MB body", json!({"huge_body": 10_000_000, "accept": true}), true, false),
        case("HTML", json!({"html": true, "accept": true}), true, false),
        case("redirect", json!({"redirect": trap}), false, false),
    ]
}

/// A separate fleet under one fault, until every job has ended by itself.
async fn one(case: &Case, jobs: usize) -> CaseResult {
    let fleet = fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", DEADLINE).workers(0);
    let mut env = ChaosEnv::start(fleet).await;
    let proxy = Proxy::to(gateway_away::port_of(&env)).await.expect("a proxy");
    proxy.carry(Flow::Pass, Flow::Pace(PIECE, EVERY));
    env.stack.set("RESEND_SMS_URL", gateway_away::url_at(proxy.port()));
    env.stack.add_worker(&[]).await;
    env.control.faults(&json!([{"target": "sms", "action": case.fault}])).await;
    let asked = env.ask_all(jobs).await;
    let mut result = ScenarioResult::default();
    result.within("ended after", env.drained(ENDED_WITHIN).await, ENDED_WITHIN);
    let jobs: HashSet<String> = asked.iter().filter_map(|asked| asked.job().map(str::to_owned)).collect();
    let excused = if case.silent { jobs } else { HashSet::new() };
    let evidence = env.evidence(asked, excused).await;
    env.check(&evidence, &mut result).await;
    let calls = proxy.calls();
    result.require(!calls.is_empty(), "", "no call came");
    env.close(&mut result);
    CaseResult { evidence, calls, result }
}

fn most(evidence: &Evidence) -> usize {
    evidence.messages().values().map(Vec::len).max().unwrap_or(0)
}

/// Calls that began although an answer had asked to wait.
fn too_soon(calls: &[Call]) -> usize {
    let asked_to_wait: Vec<_> = calls.iter().filter_map(|call| call.ended).collect();
    let waits = ON_ITS_WAY..RETRY_AFTER;
    let soon = |call: &&Call| {
        asked_to_wait.iter().any(|ended| waits.contains(&call.began.saturating_duration_since(*ended)))
    };
    calls.iter().filter(soon).count()
}
