//! 11: everything in Redis is deleted under load.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::Value;
use tests::chaos::check;
use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::scenario_result::ScenarioResult;
use tests::keys::keys;

/// Longest time until the group exists again.
const GROUP_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(800, 4_000);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(3).apis(2).workers(2)).await;
    let (load, people) = (env.load(100.0), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    env.messages_reach(jobs / 3, Duration::from_mins(1)).await;
    let _: String = env.stack.redis.command(&["FLUSHALL"]).await;
    let (flushed, flushed_ms) = (Instant::now(), chrono::Utc::now().timestamp_millis());
    result.within("group made again", group_is_back(&env, flushed).await, GROUP_WITHIN);
    let asked = asking.await.expect("the clients");
    result.within("drained", env.drained(Duration::from_secs(30)).await, Duration::from_secs(30));

    let later =
        |asked: &&ClientRequest| asked.attempts.first().is_some_and(|attempt| attempt.at_ms > flushed_ms);
    let later: Vec<ClientRequest> = asked.iter().filter(later).cloned().collect();
    let all = env.evidence(asked, HashSet::new()).await;
    let after = env.evidence(later, HashSet::new()).await;
    result.exactly(
        &format!("of {} later jobs processed", after.asked.len()),
        after.in_state("processed"),
        after.asked.len(),
    );
    result.exactly("old jobs answered other than 404", old_answered(&env, &all, flushed_ms).await, 0);
    result.at_most("lines a second of one warning in one process", flood(&env), 1);
    result.exactly("processes exited", env.exited(), 0);
    // Deleted jobs cannot end; every other rule holds for them too.
    result.breaches(check::all(&all).into_iter().filter(|breach| breach.rule != "I1"));
    env.check(&Evidence { ledger: Vec::new(), ..after }, &mut result).await;
    env.close(&mut result);
    result
}

async fn group_is_back(env: &ChaosEnv, since: Instant) -> Option<Duration> {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while since.elapsed() < GROUP_WITHIN * 2 {
        look.tick().await;
        let mut ask = redis::cmd("XINFO");
        ask.arg("GROUPS").arg(keys().stream());
        let groups: Result<Vec<redis::Value>, _> = ask.query_async(&mut env.redis().await).await;
        if groups.is_ok_and(|groups| !groups.is_empty()) {
            return Some(since.elapsed());
        }
    }
    None
}

/// Jobs that ended before the flush and do not answer 404 now.
async fn old_answered(env: &ChaosEnv, all: &Evidence, flushed_ms: i64) -> usize {
    let client = tests::client::ApiClient::new(&env.targets.next(), "mis-a-token");
    let mut answered = 0;
    let old = all.ledger.iter().filter(|message| message.ts < flushed_ms - 1_000).take(20);
    for message in old {
        let job = message.reference.as_deref().unwrap_or_default();
        answered += usize::from(client.get(&format!("/Jobs/{job}")).await.status != StatusCode::NOT_FOUND);
    }
    answered
}

/// The most lines that one process logged in one second with the same warning.
fn flood(env: &ChaosEnv) -> usize {
    let members = env.stack.apis.iter().chain(&env.stack.workers);
    members.map(|member| most_alike(&member.process.log())).max().unwrap_or(0)
}

fn most_alike(log: &str) -> usize {
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if matches!(line["level"].as_str(), Some("WARN" | "ERROR")) {
            let second = line["timestamp"].as_str().unwrap_or_default().chars().take(19).collect();
            *counts.entry((second, line["message"].to_string())).or_default() += 1;
        }
    }
    counts.into_values().max().unwrap_or(0)
}
