//! What is explored, and in how much time.

use std::time::Duration;

use crate::controls::{CONTROLS, Control, SLOW};
use crate::explore::{Bounds, Explored, explore};
use crate::story;
use crate::world::Budget;

/// One exploration.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Approvals of one patient with one phone.
    pub(crate) approvals: usize,
    pub(crate) left: Budget,
}

/// Every schedule of requests, workers and time, in which all goes well.
pub(crate) const NOTHING: Budget = Budget {
    faults: 0,
    losses: 0,
    odd_answers: 0,
    orders: 0,
    repeats: 0,
    stops: 0,
    delays: 0,
    is_back_only: false,
};

/// Each widens the bare schedule in its own direction.
const PARTS: [Part; 7] = [
    Part { name: "a fault", approvals: 1, left: Budget { faults: 1, ..NOTHING } },
    Part { name: "a fault and a lost reply", approvals: 1, left: Budget { faults: 1, losses: 1, ..NOTHING } },
    Part { name: "two faults", approvals: 1, left: Budget { faults: 2, ..NOTHING } },
    Part {
        name: "a fault and a gateway that refuses, fails or lies",
        approvals: 1,
        left: Budget { faults: 1, odd_answers: 1, ..NOTHING },
    },
    Part {
        name: "such a gateway, a lost reply and a slow worker",
        approvals: 1,
        left: Budget { odd_answers: 2, losses: 1, delays: 1, ..NOTHING },
    },
    Part {
        name: "an operator, a repeated request and a run cut short",
        approvals: 1,
        left: Budget { orders: 1, repeats: 1, stops: 1, ..NOTHING },
    },
    Part { name: "two jobs for one phone", approvals: 2, left: Budget { losses: 1, ..NOTHING } },
];

/// How long, and how many at once.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Longest a part may take.
    pub(crate) time: Duration,
    pub(crate) threads: usize,
    /// More of everything.
    pub(crate) is_wide: bool,
}

impl Part {
    fn bounds(self, effort: Effort, edits: &'static [crate::relay::Edit]) -> Bounds {
        let edits = edits.to_vec();
        let Self { approvals, left, .. } = self;
        Bounds { workers: 2, approvals, left, depth: 200, time: effort.time, threads: effort.threads, edits }
    }

    fn widened(mut self) -> Self {
        let left = &mut self.left;
        (left.faults, left.losses) = ((left.faults + 1).min(2), (left.losses + 1).min(2));
        (left.odd_answers, left.delays) = ((left.odd_answers + 1).min(2), left.delays.max(1));
        self
    }
}

/// Explores every part; answers whether all holds.
pub(crate) fn run_parts(effort: Effort, only: Option<&str>) -> bool {
    let mut holds = true;
    for part in PARTS.iter().filter(|part| only.is_none_or(|word| part.name.contains(word))) {
        let part = if effort.is_wide { part.widened() } else { *part };
        let bounds = part.bounds(effort, &[]);
        let explored = explore(&bounds);
        println!("{}: {}", part.name, figures(&explored));
        if let Some(found) = &explored.found {
            holds = false;
            println!("\n{}\n", block_on(story::tell(&bounds, found)));
        }
    }
    holds
}

/// Takes out each fence; answers whether each was missed.
pub(crate) fn run_controls(effort: Effort, only: Option<&str>, tells: bool) -> bool {
    let wanted = |control: &&Control| match only {
        Some(word) => control.name.contains(word),
        None => effort.is_wide || !SLOW.contains(&control.name),
    };
    CONTROLS.iter().filter(wanted).fold(true, |all, control| run_control(control, effort, tells) && all)
}

fn run_control(control: &Control, effort: Effort, tells: bool) -> bool {
    let bounds = control.part.bounds(effort, control.edits);
    let explored = explore(&bounds);
    let found = explored.found.as_ref().filter(|found| found.broken.starts_with(control.breaks));
    let verdict = match found {
        _ if explored.edited < control.edits.len() => "THE FENCE IS NOT IN THE SCRIPTS".to_owned(),
        Some(found) => format!("found after {} steps: {}", found.trace.len(), found.broken),
        None => format!("NOT FOUND ({:?})", explored.found.as_ref().map(|found| &found.broken)),
    };
    println!("control: {}: {verdict}; {}", control.name, figures(&explored));
    if let Some(found) = explored.found.as_ref().filter(|_| tells) {
        println!("\n{}\n", block_on(story::tell(&bounds, found)));
    }
    found.is_some()
}

fn figures(explored: &Explored) -> String {
    let Explored { states, steps, schedules, depth, took, cut, .. } = explored;
    let rest = if *cut == 0 { "all".to_owned() } else { format!("{cut} states not gone on from") };
    let seconds = took.as_secs_f64();
    format!(
        "{schedules:.2e} schedules in {states} states, {steps} steps, depth {depth}, {seconds:.0} s, {rest}"
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
