//! What is explored, and in how much time.

use std::time::Duration;

use crate::controls::{CONTROLS, Control, SLOW};
use crate::explore::{Bounds, Explored, explore};
use crate::part::{PARTS, Part};
use crate::relay::Edit;
use crate::story;

/// How long, and how many at once.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Longest a part may take.
    pub(crate) time: Duration,
    pub(crate) threads: usize,
    /// Each part also with more of everything, and every control.
    pub(crate) is_wide: bool,
}

fn bounds(part: Part, effort: Effort, edits: &[Edit]) -> Bounds {
    let (edits, Part { approvals, left, .. }) = (edits.to_vec(), part);
    Bounds { workers: 2, approvals, left, depth: 200, time: effort.time, threads: effort.threads, edits }
}

/// Explores every part; answers whether all holds.
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

/// Takes out each fence; answers whether each was missed.
pub(crate) fn run_controls(effort: Effort, only: Option<&str>, tells: bool) -> bool {
    let wanted = |control: &&Control| match only {
        Some(word) => control.name.contains(word),
        None => effort.is_wide || !SLOW.contains(&control.name),
    };
    // Every one of them is run, also after one that was not found.
    CONTROLS.iter().filter(wanted).filter(|control| !run_control(control, effort, tells)).count() == 0
}

fn run_control(control: &Control, effort: Effort, tells: bool) -> bool {
    let bounds = bounds(control.part, effort, control.edits);
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
