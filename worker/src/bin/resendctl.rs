//! `resendctl`: the operator's command line.

use std::process::ExitCode;

use clap::Parser;
use worker::ctl::{self, Cli};

fn main() -> ExitCode {
    ctl::run(Cli::parse())
}
