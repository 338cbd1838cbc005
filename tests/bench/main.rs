//! `resend-bench`: the cost of the service, next to its upper bound and to common alternatives, as ratios from one run
//! on one machine. `tests/run --bench` builds it for release and runs it.

// If the bench cannot start what it measures, it has no result; a panic names the place.
#![allow(clippy::expect_used)]

mod accept;
mod backlog;
mod caught;
mod cluster;
mod drain;
mod eta;
mod load;
mod machine;
mod memory;
mod peak;
mod peer;
mod peers;
mod pickup;
mod poll;
mod real;
mod report;
mod series;
mod server;
mod suite;
mod usage;
mod waiting;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use suite::Part;
use tokio::runtime::Builder;

/// Measures the service beside what bounds it. Figures are ratios from one run: the machine's own speed cancels out.
#[derive(Parser)]
#[command(name = "resend-bench", version)]
struct Arguments {
    /// Only these parts, comma-separated.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Runs of each figure; the median is quoted, with the least and the most.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of each run under load.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// One short run of everything, over small backlogs: shows that it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// A folder with `resend-api` and `resend-worker` of an earlier commit, against which the part `real` holds them.
    #[arg(long)]
    before: Option<PathBuf>,
    /// Where the table is kept; nowhere when not given.
    #[arg(long)]
    write: Option<PathBuf>,
    /// What this program is when the bench starts it beside itself.
    #[arg(long = "as", hide = true)]
    role: Option<Role>,
}

/// See [`Arguments::role`].
#[derive(Clone, Copy, ValueEnum)]
enum Role {
    /// A bare axum server: a hello route, one that runs the enqueue script, one that makes one read.
    Floor,
    /// A worker of our backend whose job does nothing.
    Worker,
}

/// How much every part measures.
#[derive(Clone, Copy)]
struct Effort {
    runs: usize,
    seconds: u64,
    quick: bool,
}

impl Effort {
    /// This many jobs, or a twentieth in a quick run.
    fn jobs(self, jobs: usize) -> usize {
        if self.quick { jobs / 20 } else { jobs }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::runtime::tls::install_crypto_provider();
    // One thread, like `resend-worker`.
    let mut runtime = match arguments.role {
        Some(Role::Worker) => Builder::new_current_thread(),
        Some(Role::Floor) | None => Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match arguments.role {
            Some(Role::Floor) => server::serve_bare().await,
            Some(Role::Worker) => workers::run_noop().await,
            None => return measure(&arguments).await,
        }
        ExitCode::SUCCESS
    })
}

async fn measure(arguments: &Arguments) -> ExitCode {
    let effort = if arguments.quick {
        Effort { runs: 1, seconds: 1, quick: true }
    } else {
        Effort { runs: arguments.runs.max(1), seconds: arguments.seconds.max(1), quick: false }
    };
    let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
    let report = suite::run(parts, effort, arguments.before.as_deref(), arguments.write.as_deref()).await;
    report.print();
    if report.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
