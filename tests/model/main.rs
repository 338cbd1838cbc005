//! `resend-model`: every schedule of the queue's own scripts up to bounds, with a reply lost, a worker dead or a clock set at
//! every point, on a real Redis.

// An explorer that cannot take a step has nothing to say; a panic says so at its place.
#![allow(clippy::expect_used)]

mod action;
mod explore;
mod holds;
mod relay;
mod rig;
mod store;
mod story;
mod take;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use explore::{Bounds, explore};
use world::Budget;

/// Explores every schedule of the queue's scripts up to bounds.
#[derive(Parser)]
#[command(name = "resend-model", version)]
struct Arguments {
    /// Faults in a schedule.
    #[arg(long, default_value_t = 1)]
    faults: u8,
    #[arg(long, default_value_t = 1)]
    losses: u8,
    #[arg(long, default_value_t = 1)]
    odd: u8,
    #[arg(long, default_value_t = 0)]
    orders: u8,
    #[arg(long, default_value_t = 0)]
    repeats: u8,
    #[arg(long, default_value_t = 0)]
    stops: u8,
    /// Ticks while somebody has something to do.
    #[arg(long, default_value_t = 1)]
    delays: u8,
    #[arg(long, default_value_t = 1)]
    approvals: usize,
    /// Seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[arg(long, default_value_t = 100)]
    depth: u16,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    #[arg(long)]
    edit: Option<String>,
}

fn main() -> ExitCode {
    let a = Arguments::parse();
    let edits = a
        .edit
        .iter()
        .filter_map(|edit| edit.split_once("=>"))
        .map(|(x, y)| (&*x.to_owned().leak(), &*y.to_owned().leak()))
        .collect();
    let bounds = Bounds {
        workers: 2,
        approvals: a.approvals,
        left: Budget {
            faults: a.faults,
            losses: a.losses,
            odd_answers: a.odd,
            orders: a.orders,
            repeats: a.repeats,
            stops: a.stops,
            delays: a.delays,
        },
        depth: a.depth,
        time: Duration::from_secs(a.seconds),
        threads: a.threads,
        edits,
    };
    let explored = explore(&bounds);
    println!(
        "{} states, {} steps, {:.3e} schedules, depth {}, {:.1} s, {} cut, edited {}",
        explored.states,
        explored.steps,
        explored.schedules,
        explored.depth,
        explored.took.as_secs_f64(),
        explored.cut,
        explored.is_edited
    );
    let Some(found) = explored.found else { return ExitCode::SUCCESS };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("{}", runtime.block_on(story::tell(&bounds, &found)));
    ExitCode::FAILURE
}
