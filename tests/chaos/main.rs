//! `resend-chaos`: runs the scenarios of `RELIABILITY.md` against real processes and prints what each showed.

// A failed expectation means a failed scenario; a panic names its place best.
#![allow(clippy::expect_used)]

mod another_shard;
mod api_dies_after_enqueue;
mod backlog;
mod catalogue;
mod clock_jumps;
mod clock_steps;
mod cluster_changes;
mod fallback_near_the_deadline;
mod flushed;
mod gateway_away;
mod gateway_misbehaves;
mod gateway_takes_and_fails;
mod handlers_panic;
mod hosts_gone;
mod killed_at_fail_points;
mod long_run;
mod malformed_entries;
mod memory_full_restart;
mod more_than_can_be_sent;
mod pollers;
mod power_lost;
mod reads_lost;
mod redis_killed;
mod redis_slow;
mod registry_misbehaves;
mod replies_cut;
mod report;
mod restarted_as_shipped;
mod rolling_restart;
mod runner;
mod sentinel_fail_over;
mod settings_change;
mod slot_migrated;
mod stopped_past_the_lease;
mod two_versions;
mod unfenced_ack;
mod unsafe_redis;
mod worker_cut_off;
mod workers_killed;
mod writes_fail;

use std::process::ExitCode;

use clap::Parser;
use tests::chaos::seed::Seed;

/// Runs the fault scenarios and compares what they show with the figures asked for.
#[derive(Debug, Parser)]
#[command(name = "resend-chaos")]
struct Arguments {
    /// The small form, about eight minutes, two scenarios at a time: smaller loads, shorter leases and outages.
    #[arg(long)]
    short: bool,
    /// Only these scenarios, by their numbers.
    #[arg(long, value_delimiter = ',')]
    only: Vec<u8>,
    /// Where chance comes from; drawn and printed when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Also writes the table here, as Markdown.
    #[arg(long)]
    results: Option<std::path::PathBuf>,
    /// Names the scenarios and ends.
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for scenario in catalogue::ALL {
            println!("{:>2}  {}: {}", scenario.number, scenario.name, scenario.asked);
        }
        return ExitCode::SUCCESS;
    }
    let seed = Seed(arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())));
    let form = if arguments.short { "short" } else { "full" };
    let rows = runner::run(&arguments.only, arguments.short, seed).await;
    if let Some(path) = &arguments.results
        && let Err(error) = std::fs::write(path, report::markdown(&rows, form, seed))
    {
        eprintln!("{}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    if report::print(&rows, seed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
