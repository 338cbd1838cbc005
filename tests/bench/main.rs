//! `resend-bench`: what the service costs, shown beside what bounds it, as ratios from one run on one machine.
//! `tests/run --bench` builds it for release and runs it.

// A bench that cannot start what it measures has nothing to say; a panic says so at its place.
#![allow(clippy::expect_used)]

mod accept;
mod drain;
mod eta;
mod load;
mod memory;
mod pickup;
mod poll;
mod real;
mod report;
mod server;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use report::Report;

/// Measures the service beside what bounds it. Figures are ratios from one run: the machine's own speed cancels out.
#[derive(Parser)]
#[command(name = "resend-bench", version)]
struct Arguments {
    /// Only these parts, comma-separated: accept, poll, drain, real, pickup, memory, eta.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each figure; the median is quoted.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of each run under load.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where the table is kept; nowhere when not given.
    #[arg(long)]
    write: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is when the bench starts it beside itself.
#[derive(Subcommand)]
enum Role {
    /// A bare axum server: a hello route, one that runs the enqueue script, one that makes one read.
    Floor,
    /// A worker of our backend whose job does nothing.
    Worker,
}

/// What every part measures by.
#[derive(Clone, Copy)]
struct Effort {
    runs: usize,
    seconds: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::tls::install_crypto_provider();
    match arguments.role {
        Some(Role::Floor) => server::serve_floor().await,
        Some(Role::Worker) => workers::run_noop().await,
        None => return measure(&arguments).await,
    }
    ExitCode::SUCCESS
}

async fn measure(arguments: &Arguments) -> ExitCode {
    let wanted = |part: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == part);
    let effort = Effort { runs: arguments.runs.max(1), seconds: arguments.seconds.max(1) };
    let mut report = Report::new(effort);
    if wanted("accept") {
        accept::measure(effort, &mut report).await;
    }
    if wanted("poll") {
        poll::measure(effort, &mut report).await;
    }
    if wanted("drain") {
        drain::measure(effort, &mut report).await;
    }
    if wanted("real") {
        real::measure(effort, &mut report).await;
    }
    if wanted("pickup") {
        pickup::measure(effort, &mut report).await;
    }
    if wanted("memory") {
        memory::measure(&mut report).await;
    }
    if wanted("eta") {
        Box::pin(eta::measure(&mut report)).await;
    }
    report.print();
    if let Some(path) = &arguments.write {
        std::fs::write(path, report.markdown()).expect("the results can be written");
    }
    if report.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
