//! `resend-incident`: plays incidents through, prints what an operator sees with its times, and exits 1 when anything is
//! not as promised. `tests/run --incident` builds and runs it.

use std::process::ExitCode;

use clap::Parser;
use tests::chaos::scenario_result::ScenarioResult;
use tests::incident::causes::{self, Cause};
use tests::incident::{LEASE, Timeline, play};

/// The gateway refuses for two minutes under twenty requests a second, then comes back. After that three causes, each of
/// which every tool of an operator has to name within ten seconds.
#[derive(Parser)]
#[command(name = "resend-incident", version)]
struct Arguments {
    /// A quarter of a minute instead of two minutes, with a deadline that falls into it.
    #[arg(long)]
    short: bool,
    /// Only the causes.
    #[arg(long)]
    causes: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::runtime::tls::install_crypto_provider();
    let mut good = true;
    if !arguments.causes {
        let timeline = if arguments.short { Timeline::SHORT } else { Timeline::FULL };
        good &= judge(&play(timeline, say).await);
    }
    for cause in Cause::ALL {
        println!();
        good &= judge(&causes::name(cause, LEASE, say).await);
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(line: &str) {
    println!("{line}");
}

/// Prints what was seen, and answers whether it is as promised.
fn judge(result: &ScenarioResult) -> bool {
    println!("\nseen: {}", result.seen.join("; "));
    for wrong in &result.wrong {
        println!("WRONG: {wrong}");
    }
    for kept in &result.kept {
        println!("data and logs: {kept}");
    }
    result.wrong.is_empty()
}
