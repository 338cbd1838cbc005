//! The run command behind `deploy/local`: the whole service on this machine, and its main job once, step by step.

use std::process::ExitCode;

use clap::Parser;
use tests::local::Profile;

/// Starts Redis, the sandbox, one API and one worker on this machine and runs the main job once: PATCH, polls, result,
/// message. Then it stays up until Ctrl-C.
#[derive(Parser)]
#[command(name = "resend-local", version)]
struct Arguments {
    /// Exit after the run: 0 if everything was as the contract says, 1 if anything differs.
    #[arg(long)]
    once: bool,
    /// What to run as.
    #[arg(long, value_enum, default_value_t = Profile::Default)]
    profile: Profile,
    /// Settings of the service, which win over those of the profile: `RESEND_OTP_MODE=service`
    #[arg(value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match tests::local::run(arguments.once, arguments.profile, arguments.settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndeploy/local: {error}");
            ExitCode::FAILURE
        }
    }
}
