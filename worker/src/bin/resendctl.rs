//! `resendctl`: the operator's command line.

use std::process::ExitCode;

use worker::ctl::{self, Cli};

fn main() -> ExitCode {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    ctl::run(Cli::read(words).unwrap_or_else(|error| error.exit()))
}
