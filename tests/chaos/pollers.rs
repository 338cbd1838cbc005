//! 20: thousands of polls a second at one API while jobs run, and one client that floods while another sends requests.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::load::Load;
use tests::chaos::metrics;
use tests::chaos::polling;
use tests::chaos::scenario_result::ScenarioResult;

/// How long the gateway takes to answer: no real one answers at once, and one millisecond of an instant answer would be
/// a tenth of it.
const GATEWAY_MS: u64 = 100;

/// Jobs a second while polls are measured.
const JOBS_A_SECOND: usize = 50;

/// Least share of the requested polls that must have happened, per cent.
const OF_THE_RATE: usize = 95;

/// Another client's job must start within this time, flood or not.
const STARTS_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    polled(setup, &mut result).await;
    flooded(setup, &mut result).await;
    result
}

async fn polled(setup: Setup, result: &mut ScenarioResult) {
    let (rate, seconds, pairs) = setup.size((500, 2, 1), (5_000, 6, 5));
    let mut env = ChaosEnv::start(fleet(30).workers(0)).await;
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": GATEWAY_MS}}])).await;
    let mut asked = env.ask_all(50).await;
    let jobs: Vec<_> = asked.iter().filter_map(|asked| Some(format!("/Jobs/{}", asked.job()?))).collect();
    let length = Duration::from_secs(seconds);
    reads_a_poll("pending", &env, &jobs, rate, result).await;
    env.stack.add_worker(&[]).await;
    result.require(env.drained(Duration::from_secs(30)).await.is_some(), "", "the first jobs do not end");
    reads_a_poll("ended", &env, &jobs, rate, result).await;
    let (mut alone, mut beside, mut slower, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        alone.push(job_time(&env, length, &mut asked).await);
        let polling = polling::poll(&env.stack.apis[0].url, &jobs, rate, length);
        let (time, polls) = tokio::join!(job_time(&env, length, &mut asked), polling);
        beside.push(time);
        slower.push(time / alone[alone.len() - 1] * 100.0 - 100.0);
        result.require(polls.other == 0, "", format!("{} polls not answered 200", polls.other));
        rates.push(polls.rate());
    }
    came_about(rates, rate, result);
    result.note(format!("a job {:.1} ms alone, {:.1} ms beside the polls", median(alone), median(beside)));
    let slower = median(slower);
    // One pair on a shared machine cannot show a few per cent; the full form takes the median of five.
    let most = setup.size(50.0, 10.0);
    result.require(slower <= most, format!("jobs {slower:.1} % slower"), format!("asked ≤ {most} %"));
    let evidence = env.evidence(asked, HashSet::new()).await;
    env.check(&evidence, result).await;
    env.close(result);
}

/// Redis' work for a poll, counted by Redis: one read of the job's record, with its result in the same round trip.
async fn reads_a_poll(
    state: &str,
    env: &ChaosEnv,
    jobs: &[String],
    rate: usize,
    result: &mut ScenarioResult,
) {
    let before = reads(env).await;
    let polls = polling::poll(&env.stack.apis[0].url, jobs, rate, Duration::from_secs(3)).await;
    let after = reads(env).await;
    #[allow(clippy::cast_precision_loss)]
    let each = |count: fn(&Reads) -> usize| (count(&after) - count(&before)) as f64 / polls.good as f64;
    let (records, trips) = (each(|reads| reads.records), each(|reads| reads.from_sockets));
    let seen = format!("{state} job: {records:.2} records and {trips:.2} sockets read a poll");
    result.require((0.99..=1.01).contains(&records) && trips <= 1.05, seen, "asked 1, 1");
    result.require(polls.other == 0, "", format!("{} polls not answered 200", polls.other));
}

/// Redis' counters so far.
struct Reads {
    /// Records, by `HMGET`.
    records: usize,
    /// Reads from a socket: at most the round trips of its clients.
    from_sockets: usize,
}

async fn reads(env: &ChaosEnv) -> Reads {
    let info: String = env.stack.redis.command(&["INFO", "everything"]).await;
    let count = |name: &str| {
        let number = info.lines().find_map(|line| line.strip_prefix(name))?;
        number.split(',').next()?.trim().parse().ok()
    };
    Reads {
        records: count("cmdstat_hmget:calls=").unwrap_or(0),
        from_sockets: count("total_reads_processed:").unwrap_or(0),
    }
}

/// The requested rate must have been reached: less would be another scenario.
fn came_about(mut rates: Vec<usize>, rate: usize, result: &mut ScenarioResult) {
    rates.sort_unstable();
    let seen = rates[rates.len() / 2];
    result.require(
        seen * 100 >= rate * OF_THE_RATE,
        format!("{seen} polls a second"),
        format!("asked {rate}: not run at that rate"),
    );
}

/// Mean time from acceptance to end in milliseconds, as the worker counted it, while jobs are requested.
async fn job_time(env: &ChaosEnv, length: Duration, asked: &mut Vec<ClientRequest>) -> f64 {
    let before = waited_and_ran(env).await;
    let jobs = JOBS_A_SECOND * usize::try_from(length.as_secs()).unwrap_or(1);
    #[allow(clippy::cast_precision_loss)]
    let load = env.load(JOBS_A_SECOND as f64);
    asked.extend(load.run(env.people(jobs).await).await);
    let _ = env.drained(Duration::from_secs(10)).await;
    let after = waited_and_ran(env).await;
    (after.0 - before.0) / (after.1 - before.1) * 1_000.0
}

/// Total seconds, and jobs.
async fn waited_and_ran(env: &ChaosEnv) -> (f64, f64) {
    let text = metrics::of(&env.stack.workers[0].url).await;
    let sum = |name| metrics::sum(&text, name);
    (
        sum("resend_job_wait_seconds_sum") + sum("resend_job_run_seconds_sum"),
        sum("resend_job_run_seconds_count"),
    )
}

/// One client sends as many requests as it can, each for another approval; another sends two a second.
async fn flooded(setup: Setup, result: &mut ScenarioResult) {
    let (flood, others) = setup.size((1_500, 6), (20_000, 20));
    let env = ChaosEnv::start(fleet(30).workers(2).set("RESEND_LIMIT_PER_CLIENT_MINUTE", 600)).await;
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": GATEWAY_MS}}])).await;
    let (many, few) = (env.people(flood).await, env.people(others).await);
    let flooding = env.load(100_000.0).token("mis-b-token").at_once(256);
    let other: Load = env.load(2.0);
    let flooding = tokio::spawn(async move { flooding.run(many).await });
    let told = other.run(few).await;
    let many = flooding.await.expect("the flood");
    let drained = env.drained(Duration::from_mins(2)).await;
    result.within("flood drained", drained, Duration::from_mins(2));
    let evidence = env.evidence(told.clone(), HashSet::new()).await;
    let accepted = many.iter().filter(|asked| asked.job().is_some()).count();
    let sent = evidence.ledger.len() - others.min(evidence.ledger.len());
    result.note(format!("{accepted} of {flood} of the flood accepted, {sent} sent"));
    result.within("another client's job sent after", slowest_start(&told, &evidence), STARTS_WITHIN);
    result.exactly("of the other client processed", evidence.in_state("processed"), others);
    env.close(result);
}

/// The longest time from a request until its message was at the gateway; `None` if one never was.
fn slowest_start(asked: &[ClientRequest], evidence: &tests::chaos::evidence::Evidence) -> Option<Duration> {
    let messages = evidence.messages();
    let start = |asked: &ClientRequest| {
        let sent = messages.get(asked.job()?)?.first()?.ts;
        u64::try_from(sent - asked.attempts.first()?.at_ms).ok().map(Duration::from_millis)
    };
    asked.iter().map(start).collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
