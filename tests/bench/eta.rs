//! Predicted against actual ends of jobs: with steady backlogs from none to five minutes, and while workers are added,
//! stopped and killed. The fleets run at the same time, each with its own Redis.

mod fleet;
mod judge;

use std::time::{Duration, Instant};

use fleet::{Fleet, SLOTS};
use judge::{BOUNDS, Promise, followed_after};
use shared::domain::clock;
use tokio::time::sleep;

use super::report::{Bound, Figure, Report};

/// How long predictions are collected under a steady backlog.
const COLLECTED_FOR: Duration = Duration::from_secs(20);

/// The backlog during the changes of the fleet; each size of the fleet lasts longer than that.
const CHANGE_BACKLOG: Duration = Duration::from_secs(8);

/// The predictions of such a time window together show whether a change was followed.
const WINDOW_MS: u64 = 500;

/// A change of the fleet.
#[derive(Clone, Copy)]
enum Change {
    Added,
    Stopped,
    Killed,
}

/// The predictions of one fleet.
struct SteadyPromises {
    name: String,
    promises: Vec<Promise>,
}

/// How soon predictions followed a change.
struct ChangeResult {
    change: Change,
    after: f64,
}

pub(crate) async fn measure(report: &mut Report) {
    eprintln!("eta");
    let of = |seconds| under_backlog(Duration::from_secs(seconds), SLOTS);
    // With a smaller worker, five minutes are fewer jobs.
    let longest = under_backlog(Duration::from_mins(5), SLOTS / 2);
    let (none, short, longer, longest, (steady, followed)) =
        tokio::join!(of(0), of(5), of(30), longest, changing());
    for steady in [none, short, longer, longest].into_iter().chain(steady) {
        add_errors(&steady, report);
    }
    for ChangeResult { change, after } in followed {
        report.add(Figure {
            name: format!("eta, {}: s until promises are kept again", change.words()),
            ours: format!("{after:.1}"),
            other: format!("{}", change.time_limit().as_secs()),
            value: after,
            bound: Bound::AtMost(change.time_limit().as_secs_f64()),
        });
    }
}

fn add_errors(steady: &SteadyPromises, report: &mut Report) {
    for bound in BOUNDS {
        let SteadyPromises { name, promises } = steady;
        report.add(Figure {
            name: format!("eta, {name}: {} error of {} jobs / asked", bound.name, promises.len()),
            ours: format!("{:.2} s", bound.error(promises)),
            other: bound.words(promises),
            value: bound.used(promises),
            bound: Bound::AtMost(1.0),
        });
    }
}

/// One worker under a backlog of constant length.
async fn under_backlog(wait: Duration, slots: usize) -> SteadyPromises {
    let fleet = Fleet::start(1, slots).await;
    fleet.fill_to_wait(wait, slots).await;
    let from = Instant::now();
    sleep(COLLECTED_FOR).await;
    let promises = fleet.promises_between(from, Instant::now()).await;
    SteadyPromises { name: format!("backlog of {} s", wait.as_secs()), promises }
}

/// Two workers, then a third, then one stopped, one killed; each fleet runs until its predictions can be checked.
async fn changing() -> (Vec<SteadyPromises>, Vec<ChangeResult>) {
    let mut fleet = Fleet::start(2, SLOTS).await;
    fleet.fill_to_wait(CHANGE_BACKLOG, 2 * SLOTS).await;
    let (mut steady, mut followed) = (vec![unchanged(&fleet).await], Vec::new());
    for change in [Change::Added, Change::Stopped, Change::Killed] {
        change.make(&mut fleet).await;
        let (at, at_ms) = (Instant::now(), clock::now_ms());
        let settled = at + change.time_limit();
        sleep(change.time_limit() + COLLECTED_FOR).await;
        let all = fleet.promises_between(at, Instant::now()).await;
        followed.push(ChangeResult { change, after: followed_after(&all, at_ms, WINDOW_MS) });
        let promises = fleet.promises_between(settled, settled + COLLECTED_FOR).await;
        steady.push(SteadyPromises { name: format!("after {}", change.words()), promises });
    }
    (steady, followed)
}

async fn unchanged(fleet: &Fleet) -> SteadyPromises {
    let from = Instant::now();
    sleep(COLLECTED_FOR).await;
    SteadyPromises {
        name: "two workers".into(),
        promises: fleet.promises_between(from, Instant::now()).await,
    }
}

impl Change {
    async fn make(self, fleet: &mut Fleet) {
        match self {
            Self::Added => {
                fleet.stack.add_worker(&[]).await;
            }
            Self::Stopped => fleet.stack.workers[0].process.signal("TERM").await,
            Self::Killed => fleet.stack.workers[1].process.kill().await,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Added => "a worker added",
            Self::Stopped => "a worker stopped (SIGTERM)",
            Self::Killed => "a worker killed (SIGKILL)",
        }
    }

    /// A worker announces its start and its end; a killed one is noticed after five seconds of silence, at the next
    /// announcement of another, which comes every second.
    fn time_limit(self) -> Duration {
        match self {
            Self::Added | Self::Stopped => Duration::from_secs(2),
            Self::Killed => Duration::from_secs(8),
        }
    }
}
