//! What is logged, and in which format.

use std::io::IsTerminal;

use super::{ConfigError, ConfigErrors, Settings};

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// `RESEND_LOG`, `RESEND_LOG_FORMAT`.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `RESEND_LOG` (default `info`): a filter of `tracing`.
    pub filter: String,
    /// `RESEND_LOG_FORMAT` (default: `json` unless standard error is a terminal).
    pub format: LogFormat,
}

impl LogConfig {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigErrors> {
        crate::read_settings!(Self { filter: filter(settings), format: format(settings) })
    }
}

fn filter(settings: &Settings) -> Result<String, ConfigError> {
    let filter: tracing_subscriber::EnvFilter = settings.parse("RESEND_LOG")?;
    Ok(filter.to_string())
}

fn format(settings: &Settings) -> Result<LogFormat, ConfigError> {
    const NAME: &str = "RESEND_LOG_FORMAT";
    let is_text = match settings.text(NAME) {
        None => std::io::stderr().is_terminal(),
        Some(_) => settings.choice(NAME)? == "text",
    };
    Ok(if is_text { LogFormat::Text } else { LogFormat::Json })
}
