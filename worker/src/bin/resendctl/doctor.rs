//! `doctor`: checks everything that the service's promises depend on, and reports what to change.

mod approval;
mod queue;
mod redis;
mod upstreams;

use std::process::ExitCode;

use serde::Serialize;
use shared::queue::Queue;
use shared::settings::{ConfigError, Settings, table};

use super::exit::{CtlError, PROBLEM};
use super::output::{Output, table};
use worker::config::WorkerConfig;

pub(super) use approval::check as check_approval;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    area: &'static str,
    level: Level,
    what: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    change: String,
}

/// Its severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Problem,
}

impl Check {
    fn ok(area: &'static str, what: impl Into<String>) -> Self {
        Self { area, level: Level::Ok, what: what.into(), change: String::new() }
    }

    fn warning(area: &'static str, what: impl Into<String>, change: impl Into<String>) -> Self {
        Self { area, level: Level::Warning, what: what.into(), change: change.into() }
    }

    fn problem(area: &'static str, what: impl Into<String>, change: impl Into<String>) -> Self {
        Self { area, level: Level::Problem, what: what.into(), change: change.into() }
    }
}

/// Exits 1 if there is a problem. If Redis is away, that is reported, and the other checks are skipped.
pub(super) async fn doctor(queue: &Queue, settings: &Settings, output: Output) -> Result<ExitCode, CtlError> {
    let mut checks = redis::check(queue, settings).await?;
    checks.extend(self::queue::check(queue).await?);
    checks.push(worker_settings(settings));
    checks.extend(
        settings
            .warnings(table::ALL)
            .into_iter()
            .map(|warning| Check::warning("settings", warning, "change the setting")),
    );
    checks.extend(upstreams::check(settings).await);
    let worst = checks.iter().map(|check| check.level).max().unwrap_or(Level::Ok);
    output.answer(&checks, || words(&checks, worst))?;
    Ok(if worst == Level::Problem { ExitCode::from(PROBLEM) } else { ExitCode::SUCCESS })
}

fn worker_settings(settings: &Settings) -> Check {
    match WorkerConfig::from_settings(settings) {
        Ok(_) => Check::ok("settings", "a worker would start with the settings found here"),
        Err(errors) if errors.iter().all(|error| matches!(error, ConfigError::Missing { .. })) => {
            Check::warning(
                "settings",
                format!("a worker would not start with the settings found here: {errors}"),
                "run doctor with the worker's settings to have them checked",
            )
        }
        Err(errors) => Check::problem(
            "settings",
            errors.to_string(),
            "correct it; --check-config shows what is in force",
        ),
    }
}

fn words(checks: &[Check], worst: Level) -> String {
    let row = |check: &Check| {
        let level = match check.level {
            Level::Ok => "ok",
            Level::Warning => "WARNING",
            Level::Problem => "PROBLEM",
        };
        let change = if check.change.is_empty() { String::new() } else { format!("\n→ {}", check.change) };
        vec![level.to_owned(), check.area.to_owned(), format!("{}{change}", check.what)]
    };
    let end = match worst {
        Level::Ok => "No problem found.",
        Level::Warning => "Nothing that loses jobs; see the warnings.",
        Level::Problem => "There are problems; the arrows say what to change.",
    };
    format!("{}\n\n{end}", table(&["", "about", "finding"], checks.iter().map(row).collect(), ""))
}
