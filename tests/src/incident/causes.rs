//! Three causes of failing jobs, and what each tool of an operator reports: `stats`, `doctor`, the board, the log, and
//! the alerts of a real Prometheus. Each must name the cause within ten seconds.

mod prometheus;
mod tools;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;

use super::BOARD_TOKEN;
use crate::chaos::env::{ChaosEnv, fleet};
use crate::chaos::orphans::Orphans;
use crate::chaos::scenario_result::ScenarioResult;
use crate::eventually::eventually;
use tools::{Clue, Tools};

/// A tool that names a cause later than this is useless at three in the morning.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

/// Time under load before the fault.
const BEFORE: Duration = Duration::from_secs(3);

const PER_SECOND: f64 = 20.0;

/// Jobs that a worker holds when it is killed.
const HELD_JOBS: usize = 10;

/// The cause of failing jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The gateway answers 401 to everything.
    TokenRefused,
    /// The registry accepts every call and answers none.
    RegistryFrozen,
    /// A worker is killed while it holds jobs.
    WorkerDead,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TokenRefused, Self::RegistryFrozen, Self::WorkerDead];

    /// A description.
    pub fn title(self) -> &'static str {
        match self {
            Self::TokenRefused => "THE GATEWAY ANSWERS 401 TO EVERYTHING",
            Self::RegistryFrozen => "THE REGISTRY ANSWERS NOTHING ANY MORE",
            Self::WorkerDead => "A WORKER IS KILLED WITH JOBS IN ITS HANDS",
        }
    }
}

/// Runs one cause with this lease, passes each tool's message and its time to `say`, and returns every failed promise.
pub async fn name(cause: Cause, lease: u64, say: fn(&str)) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    let fleet = fleet(lease).workers(2).set("RESEND_BOARD_TOKEN", BOARD_TOKEN);
    let mut env = ChaosEnv::start(fleet).await;
    let tools = Tools::start(&env.stack).await;
    let people = env.people(400).await;
    let load = tokio::spawn({
        let load = env.load(PER_SECOND);
        async move { load.run(people).await }
    });
    tokio::time::sleep(BEFORE).await;
    for (tool, said) in tools.say_once(&env.stack).await {
        result.require(
            !said.contains("DOWN") && !said.contains("GONE"),
            "",
            format!("{tool:?} before: {said}"),
        );
    }
    let (clue, orphans) = cause.begin(&mut env).await;
    say(cause.title());
    let start = Instant::now();
    for (tool, named) in tools.name(&env.stack, &clue, NAMED_WITHIN).await {
        let after = named.as_ref().map(|(_, at)| at.duration_since(start));
        if let (Some((line, _)), Some(after)) = (&named, after) {
            say(&format!("{:>5.1} s  {tool:<7} {line}", after.as_secs_f64()));
        }
        result.within(&format!("{tool} names it after"), after, NAMED_WITHIN);
    }
    env.control.faults(&json!([])).await;
    let asked = load.await.expect("the clients");
    let drained = env.drained(Duration::from_secs(lease + 30)).await;
    result.within("nothing is left after", drained, Duration::from_secs(lease + 30));
    let evidence = env.evidence(asked, orphans).await;
    env.check(&evidence, &mut result).await;
    tools.stop().await;
    env.close(&mut result);
    result
}

impl Cause {
    /// Sets the fault. Returns the clues that name it, and the jobs that may have two messages because of it.
    async fn begin(self, env: &mut ChaosEnv) -> (Clue, HashSet<String>) {
        match self {
            Self::TokenRefused => {
                env.control.faults(&json!([{"target": "sms", "action": {"status": 401}}])).await;
                (
                    Clue::new(
                        "SMS HTTP IS DOWN: answers 401",
                        "status 401",
                        "ResendUpstreamClosed: sms http",
                    ),
                    HashSet::new(),
                )
            }
            Self::RegistryFrozen => {
                let hangs = |target: &str| json!({"target": target, "action": {"hang": true}});
                env.control.faults(&json!([hangs("persons"), hangs("approvals")])).await;
                (
                    Clue::new(
                        "REGISTRY IS DOWN: does not answer",
                        "no answer",
                        "ResendUpstreamDown: registry",
                    ),
                    HashSet::new(),
                )
            }
            Self::WorkerDead => {
                env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": 4_000}}])).await;
                let line = env.stack.workers[0].process.logged("taking jobs").await;
                let consumer = line["consumer"].as_str().expect("its name").to_owned();
                eventually("it has many jobs in its hands", Duration::from_secs(20), || async {
                    let held = Orphans::of(&mut env.redis().await, &consumer).await.expect("Redis answers");
                    (held.jobs.len() >= HELD_JOBS).then_some(())
                })
                .await;
                env.stack.workers[0].process.kill().await;
                let orphans = Orphans::of(&mut env.redis().await, &consumer).await.expect("Redis answers");
                let held = format!("held by {consumer}, which is gone; taken over by");
                (Clue::new(&held, &consumer, "ResendWorkerGone"), orphans.jobs.into_iter().collect())
            }
        }
    }
}
