//! What is explored, and for how long.

use std::time::Duration;

use crate::controls::{CONTROLS, Control, SLOW};
use crate::explore::{Bounds, ExploreResult, explore};
use crate::part::{PARTS, Part};
use crate::relay::Edit;
use crate::story;

/// Time limit and number of threads.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Longest a part may take.
    pub(crate) time: Duration,
    pub(crate) threads: usize,
    /// Also explores each part with a larger budget, and runs every control.
    pub(crate) is_wide: bool,
}

fn bounds(part: Part, effort: Effort, edits: &[Edit]) -> Bounds {
    let (edits, Part { approvals, budget, .. }) = (edits.to_vec(), part);
    Bounds { workers: 2, approvals, budget, depth: 200, time: effort.time, threads: effort.threads, edits }
}

/// Explores every part; returns whether all invariants hold.
pub(crate) fn run_parts(effort: Effort, only: Option<&str>) -> bool {
    let wanted = PARTS.iter().filter(|part| only.is_none_or(|word| part.name.contains(word)));
    let mut holds = true;
    for part in wanted {
        holds &= run_part(*part, "", effort);
        if effort.is_wide {
            holds &= run_part(part.widened(), ", with more of everything", effort);
        }
    }
    holds
}

fn run_part(part: Part, how: &str, effort: Effort) -> bool {
    let bounds = bounds(part, effort, &[]);
    let explored = explore(&bounds);
    println!("{}{how}: {}", part.name, figures(&explored));
    if let Some(found) = &explored.found {
        println!("\n{}\n", block_on(story::tell(&bounds, found)));
    }
    explored.found.is_none()
}

/// Removes each fence in turn; returns whether each violation was found.
pub(crate) fn run_controls(effort: Effort, only: Option<&str>, tells: bool) -> bool {
    let wanted = |control: &&Control| match only {
        Some(word) => control.name.contains(word),
        None => effort.is_wide || !SLOW.contains(&control.name),
    };
    // Every control is run, even after one has failed.
    CONTROLS.iter().filter(wanted).filter(|control| !run_control(control, effort, tells)).count() == 0
}

fn run_control(control: &Control, effort: Effort, tells: bool) -> bool {
    let bounds = bounds(control.part, effort, control.edits);
    let explored = explore(&bounds);
    let found =
        explored.found.as_ref().filter(|found| found.description.starts_with(control.expected_violation));
    let verdict = match found {
        _ if explored.edited < control.edits.len() => "THE FENCE IS NOT IN THE SCRIPTS".to_owned(),
        Some(found) => format!("found after {} steps: {}", found.trace.len(), found.description),
        None => format!("NOT FOUND ({:?})", explored.found.as_ref().map(|found| &found.description)),
    };
    println!("control: {}: {verdict}; {}", control.name, figures(&explored));
    if let Some(found) = explored.found.as_ref().filter(|_| tells) {
        println!("\n{}\n", block_on(story::tell(&bounds, found)));
    }
    found.is_some()
}

fn figures(explored: &ExploreResult) -> String {
    let ExploreResult { states, steps, schedules, depth, took, cut, .. } = explored;
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
