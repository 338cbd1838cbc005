//! Carries out the plans. `FAILPOINTS_SEED` fixes the order of random draws.

use std::sync::{LazyLock, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;

use super::plan::{Action, Plan, parse};
use crate::domain::ids::JobId;

static POINTS: LazyLock<Vec<Point>> = LazyLock::new(from_environment);

struct Point {
    plan: Plan,
    state: Mutex<State>,
    released: Notify,
}

struct State {
    rng: StdRng,
    waiting: u64,
    done: u64,
}

/// What a job that arrives at a place must do.
enum Part {
    Pass,
    Wait,
    Act,
}

fn from_environment() -> Vec<Point> {
    let text = std::env::var("FAILPOINTS").unwrap_or_default();
    let seed = std::env::var("FAILPOINTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let plans = parse(&text).unwrap_or_else(|error| {
        tracing::error!(error, "fail points not armed");
        std::process::exit(2);
    });
    if !plans.is_empty() {
        tracing::warn!(text, seed, "fail points armed");
    }
    plans.into_iter().map(|plan| Point::new(plan, seed)).collect()
}

/// Does what the plans define for this place and job.
pub(super) async fn hit(place: &str, job: Option<&JobId>) {
    for point in POINTS.iter().filter(|point| point.is_for(place, job)) {
        // Subscribes before the decision: a release in between must not be missed.
        let released = point.released.notified();
        match point.part() {
            Part::Pass => {}
            Part::Wait => released.await,
            Part::Act => {
                point.act().await;
                point.released.notify_waiters();
            }
        }
    }
}

impl Point {
    fn new(plan: Plan, seed: u64) -> Self {
        let state = State { rng: StdRng::seed_from_u64(seed), waiting: 0, done: 0 };
        Self { plan, state: Mutex::new(state), released: Notify::new() }
    }

    fn is_for(&self, place: &str, job: Option<&JobId>) -> bool {
        let only = self.plan.job.as_deref();
        self.plan.place == place && (only.is_none() || only == job.map(JobId::as_str))
    }

    fn part(&self) -> Part {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let over = self.plan.times.is_some_and(|times| state.done >= times);
        if over || state.rng.random::<f64>() >= self.plan.probability {
            return Part::Pass;
        }
        state.waiting += 1;
        if state.waiting < self.plan.together {
            return Part::Wait;
        }
        state.waiting = 0;
        state.done += 1;
        Part::Act
    }

    async fn act(&self) {
        match &self.plan.action {
            Action::Abort => std::process::abort(),
            Action::Stop => stop_this_process(),
            Action::Sleep(time) => tokio::time::sleep(*time).await,
            Action::Panic => std::panic::panic_any(format!("fail point {}", self.plan.place)),
        }
    }
}

/// Returns once the process has received `SIGCONT`.
fn stop_this_process() {
    let id = std::process::id().to_string();
    let _ = std::process::Command::new("kill").args(["-STOP", &id]).status();
}
