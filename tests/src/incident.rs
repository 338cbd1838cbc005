//! A real incident: the gateway refuses every message for a while under steady load, then comes back. The programs are
//! the shipped ones; what an operator sees (`resendctl stats --watch`, the workers' log, `/metrics`) is recorded, and
//! the promises are asserted. It says nothing about speed: that is for the bench.

pub mod causes;
mod scrapes;
mod verdict;
mod watch;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::json;

use crate::chaos::client_request::ClientRequest;
use crate::chaos::env::{ChaosEnv, fleet};
use crate::chaos::scenario_result::ScenarioResult;

/// After this time, in seconds, what a dead worker held is taken over.
pub const LEASE: u64 = 30;

/// The token of the board.
pub const BOARD_TOKEN: &str = "board-of-the-incident";

/// How long each part lasts.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    /// Time under load before the fault.
    pub before: Duration,
    /// The gateway refuses.
    pub down: Duration,
    /// Time under load after it is back; everything must drain within it.
    pub after: Duration,
    /// Requests a second.
    pub per_second: u32,
    /// Time between two readings.
    pub every: Duration,
    /// `RESEND_JOB_DEADLINE_SECONDS`.
    pub deadline: u64,
}

impl Timeline {
    /// Two minutes, with the settings of production.
    pub const FULL: Self = Self {
        before: Duration::from_secs(20),
        down: Duration::from_mins(2),
        after: Duration::from_mins(1),
        per_second: 20,
        every: Duration::from_secs(5),
        deadline: 300,
    };

    /// A quarter of a minute, with a deadline that the first jobs reach before the gateway is back.
    pub const SHORT: Self = Self {
        before: Duration::from_secs(3),
        down: Duration::from_secs(15),
        after: Duration::from_secs(20),
        per_second: 20,
        every: Duration::from_secs(1),
        deadline: 8,
    };

    /// Total requests.
    fn requests(&self) -> usize {
        let seconds = (self.before + self.down + self.after).as_secs();
        usize::try_from(seconds * u64::from(self.per_second)).unwrap_or(usize::MAX)
    }

    /// Whether jobs reach their deadline before the gateway is back.
    fn outlasts_the_deadline(&self) -> bool {
        self.down.as_secs() > self.deadline
    }
}

/// The important times, milliseconds since the epoch.
struct Times {
    refused_from: i64,
    refused_until: i64,
}

/// Runs it, passes each line to `say` as it happens, and returns the evidence and every failed promise.
pub async fn play(timeline: Timeline, say: fn(&str)) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    let fleet = fleet(LEASE).workers(2).set("RESEND_BOARD_TOKEN", BOARD_TOKEN);
    let env = ChaosEnv::start(fleet.set("RESEND_JOB_DEADLINE_SECONDS", timeline.deadline)).await;
    introduce(&env, &timeline, say);
    let watching = watch::start(&env, timeline.every, say);
    let scraping = scrapes::start(&env, timeline.every);
    let people = env.people(timeline.requests()).await;
    let load = tokio::spawn({
        let load = env.load(f64::from(timeline.per_second));
        async move { load.run(people).await }
    });
    let times = outage(&env, &timeline, say, &mut result).await;
    let asked: Vec<ClientRequest> = load.await.expect("the clients");
    let drained = env.drained(timeline.after).await;
    result.within("nothing waits any more after the last request by", drained, timeline.after);
    let scraped = scraping.stop().await;
    watching.stop().await;
    let evidence = env.evidence(asked, HashSet::new()).await;
    verdict::of_the_record(&evidence, &timeline, &times, &mut result);
    verdict::of_the_metrics(&scraped, &timeline, &mut result);
    env.check(&evidence, &mut result).await;
    scraped.say(say);
    env.close(&mut result);
    result
}

fn introduce(env: &ChaosEnv, timeline: &Timeline, say: fn(&str)) {
    let (api, worker) = (&env.stack.apis[0].url, &env.stack.workers[0].url);
    say(&format!(
        "API {api}, workers {worker} and {}, sandbox {}",
        env.stack.workers[1].url, env.stack.sandbox.url
    ));
    say(&format!("RESEND_REDIS_URL={} resendctl stats --watch", env.stack.redis.url()));
    say(&format!("{worker}/board, with the token {BOARD_TOKEN:?}"));
    say(&format!("{} requests a second from now on", timeline.per_second));
}

/// The outage itself, from the first good messages to the moment it is over.
async fn outage(env: &ChaosEnv, timeline: &Timeline, say: fn(&str), result: &mut ScenarioResult) -> Times {
    tokio::time::sleep(timeline.before).await;
    let fault = json!([{"target": "sms", "action": {"status": 503}}]);
    env.control.faults(&fault).await;
    let (refused_from, since) = (Utc::now().timestamp_millis(), Instant::now());
    say(&format!("{} THE GATEWAY REFUSES: PUT /sandbox/faults {fault}", now()));
    result.within("both breakers opened after", watch::breakers_opened(env, say).await, watch::OPENS_WITHIN);
    tokio::time::sleep(timeline.down.saturating_sub(since.elapsed())).await;
    let refused_until = Utc::now().timestamp_millis();
    env.control.faults(&json!([])).await;
    say(&format!("{} THE GATEWAY IS BACK: PUT /sandbox/faults []", now()));
    Times { refused_from, refused_until }
}

fn now() -> String {
    Utc::now().format("%H:%M:%S%.3fZ").to_string()
}
