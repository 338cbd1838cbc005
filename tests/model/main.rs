//! `resend-model`: explores every schedule of the queue's own scripts within bounds, with a lost reply, a dead worker
//! or a changed clock at every point, on a real Redis.

// If the explorer cannot take a step, it has no result; a panic names the place.
#![allow(clippy::expect_used)]

mod action;
mod call;
mod consume;
mod controls;
mod explore;
mod invariants;
mod operate;
mod part;
mod relay;
mod request;
mod rig;
mod run;
mod store;
mod story;
mod suite;
mod transition;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use suite::Effort;

/// Explores every schedule of the queue's scripts up to bounds, and then with each fence taken out.
#[derive(Parser)]
#[command(name = "resend-model", version)]
struct Arguments {
    /// Each part for longer, and also within wider bounds; stories of all controls.
    #[arg(long)]
    wide: bool,
    /// Only what has this word in its name.
    #[arg(long)]
    only: Option<String>,
    /// Only the controls: fences taken out.
    #[arg(long)]
    controls: bool,
    /// Tells the story of each control.
    #[arg(long)]
    tell: bool,
    /// Longest a part may take, seconds (default 8; wide: 90).
    #[arg(long)]
    seconds: Option<u64>,
    /// How many explore at once.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seconds = arguments.seconds.unwrap_or(if arguments.wide { 90 } else { 8 });
    let effort = Effort {
        time: Duration::from_secs(seconds),
        threads: arguments.threads.max(1),
        is_wide: arguments.wide,
    };
    let only = arguments.only.as_deref();
    let holds = arguments.controls || suite::run_parts(effort, only);
    let patience = Effort { time: effort.time.max(Duration::from_mins(1)), ..effort };
    let are_missed = suite::run_controls(patience, only, arguments.tell || arguments.wide);
    if holds && are_missed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
