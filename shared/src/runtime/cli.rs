//! What every program's command line has: `--help`, `--version`, `--check-config`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

use crate::settings::{ConfigError, KNOWN, Settings};

/// Exit status for wrong settings or arguments.
pub const EXIT_WRONG_SETTINGS: u8 = 2;

/// Reads arguments and settings and builds the program's configuration from them. `Err` is how to exit: 0 after
/// `--check-config`, 2 with the wrong setting named on standard error.
pub fn start<C>(
    name: &'static str,
    about: &'static str,
    build: impl FnOnce(&Settings) -> Result<C, ConfigError>,
) -> Result<C, ExitCode> {
    let matches = command(name, about).get_matches();
    let settings = Settings::load().map_err(|error| wrong(name, &error))?;
    let config = build(&settings).map_err(|error| wrong(name, &error))?;
    if matches.get_flag("check-config") {
        print!("{}", settings.describe());
        return Err(ExitCode::SUCCESS);
    }
    Ok(config)
}

fn command(name: &'static str, about: &'static str) -> Command {
    let check = Arg::new("check-config").long("check-config").action(ArgAction::SetTrue).help(
        "Print the effective settings with secrets hidden and exit 0, or name the wrong one and exit 2",
    );
    Command::new(name).about(about).version(env!("CARGO_PKG_VERSION")).arg(check).after_help(settings_help())
}

/// Every setting with its default, for `--help`.
pub fn settings_help() -> String {
    let mut text =
        "Settings (environment; also a TOML file named by RESEND_CONFIG, environment wins):\n".to_owned();
    for variable in KNOWN {
        let default =
            if variable.default.is_empty() { String::new() } else { format!(" [{}]", variable.default) };
        let _ = writeln!(text, "  {:<32} {}{default}", variable.name, variable.meaning);
    }
    text
}

fn wrong(name: &str, error: &ConfigError) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::from(EXIT_WRONG_SETTINGS)
}
