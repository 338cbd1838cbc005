//! What is logged, and how it looks.

use std::io::IsTerminal;

use super::{ConfigError, Settings};

/// The look of a log line.
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
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let wants = "a filter such as info or info,shared=debug";
        let filter = settings.required("RESEND_LOG", wants)?.to_owned();
        if filter.parse::<tracing_subscriber::EnvFilter>().is_err() {
            return Err(settings.wrong("RESEND_LOG", wants));
        }
        let format = match settings.text("RESEND_LOG_FORMAT") {
            None if std::io::stderr().is_terminal() => LogFormat::Text,
            None | Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text,
            Some(_) => return Err(settings.wrong("RESEND_LOG_FORMAT", "text or json")),
        };
        Ok(Self { filter, format })
    }
}
