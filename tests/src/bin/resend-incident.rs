//! `resend-incident`: plays an incident through, prints what an operator sees with its times, and exits 1 when anything is
//! not as promised. `tests/run --incident` builds and runs it.

use std::process::ExitCode;

use clap::Parser;
use tests::incident::{Course, play};

/// The gateway refuses for two minutes under twenty requests a second, then comes back.
#[derive(Parser)]
#[command(name = "resend-incident", version)]
struct Arguments {
    /// A quarter of a minute instead, with a deadline that falls into it.
    #[arg(long)]
    short: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::runtime::tls::install_crypto_provider();
    let course = if arguments.short { Course::SHORT } else { Course::FULL };
    let finding = play(course, |line| println!("{line}")).await;
    println!("\nseen: {}", finding.seen.join("; "));
    for wrong in &finding.wrong {
        println!("WRONG: {wrong}");
    }
    for kept in &finding.kept {
        println!("data and logs: {kept}");
    }
    if finding.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
