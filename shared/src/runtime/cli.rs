//! The options of every program: `--help`, `--version`, `--check-config`.

use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

use crate::settings::table::{self, Table};
use crate::settings::{ConfigErrors, Settings};

/// Exit status for wrong settings or arguments.
pub const EXIT_WRONG_SETTINGS: u8 = 2;

/// Line width without a terminal, and the most that sentences use of a wide one.
const COLUMNS: usize = 100;
const MOST_COLUMNS: usize = 160;

/// Line width for help: the terminal's, or that of the variable `COLUMNS`.
pub fn terminal_width() -> usize {
    columns().unwrap_or(COLUMNS).clamp(60, MOST_COLUMNS)
}

/// Width of the terminal, or of the variable `COLUMNS`; `None` if there is neither.
pub fn columns() -> Option<usize> {
    let terminal =
        terminal_size::terminal_size().map(|(terminal_size::Width(columns), _)| usize::from(columns));
    terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok())
}

/// A program's name, purpose and settings.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its purpose, in one sentence.
    pub about: &'static str,
    /// Its settings.
    pub settings: Table,
}

/// A program's configuration, and what an operator should change in it.
pub struct Configured<C> {
    /// The configuration.
    pub config: C,
    warnings: Vec<String>,
}

impl Program {
    /// Reads arguments and settings and builds the configuration. `Err` is the exit status: 0 after `--check-config`, 2
    /// with every wrong setting named on standard error.
    pub fn start<C>(
        &self,
        build: impl FnOnce(&Settings) -> Result<C, ConfigErrors>,
    ) -> Result<Configured<C>, ExitCode> {
        let matches = self.command().get_matches();
        let settings = Settings::load().map_err(|errors| self.refuse(&errors))?;
        let config = build(&settings).map_err(|errors| self.refuse(&errors))?;
        let warnings = settings.warnings(self.settings);
        if matches.get_flag("check-config") {
            print!("{}", settings.describe(self.settings));
            for warning in &warnings {
                eprintln!("{}: warning: {warning}", self.name);
            }
            return Err(ExitCode::SUCCESS);
        }
        Ok(Configured { config, warnings })
    }

    fn command(&self) -> Command {
        let check = Arg::new("check-config").long("check-config").action(ArgAction::SetTrue).help(
            "Print the effective settings with secrets hidden and exit 0, or name every wrong one and exit 2",
        );
        let command = Command::new(self.name).about(self.about).version(env!("CARGO_PKG_VERSION"));
        let width = terminal_width();
        let settings = table::help(table::variables(self.settings), width);
        command.arg(check).max_term_width(width).after_help(settings)
    }

    fn refuse(&self, errors: &ConfigErrors) -> ExitCode {
        for error in errors.iter() {
            eprintln!("{}: {error}", self.name);
        }
        ExitCode::from(EXIT_WRONG_SETTINGS)
    }
}

impl<C> Configured<C> {
    /// Logs what an operator should change; call it once logging has started.
    pub fn log_warnings(&self) {
        for warning in &self.warnings {
            tracing::warn!(warning, "a setting should be changed");
        }
    }
}
