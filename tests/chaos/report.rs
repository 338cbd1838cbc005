//! The table: each scenario's requirement, figures and verdict.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use chrono::Utc;
use tests::chaos::scenario_result::ScenarioResult;
use tests::chaos::seed::Seed;

use crate::catalogue::Scenario;

/// One line of the table.
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) result: ScenarioResult,
    pub(crate) took: Duration,
}

/// The verdict of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Passed,
    Failed,
    NotRun,
}

impl Row {
    fn status(&self) -> Status {
        match (&self.result.not_run, self.result.wrong.is_empty()) {
            (_, false) => Status::Failed,
            (Some(_), true) => Status::NotRun,
            (None, true) => Status::Passed,
        }
    }

    fn verdict_text(&self) -> String {
        match self.status() {
            Status::Passed => "passed".to_owned(),
            Status::Failed => format!("FAILED: {}", self.result.wrong.join("; ")),
            Status::NotRun => format!("not run: {}", self.result.not_run.as_deref().unwrap_or_default()),
        }
    }
}

/// One row, as it is printed.
pub(crate) fn line(row: &Row) -> String {
    let (scenario, seen, took) = (row.scenario, row.result.seen.join("; "), row.took.as_secs_f64());
    let kept = row.result.kept.join(", ");
    let kept = if kept.is_empty() { kept } else { format!("; data and logs: {kept}") };
    format!(
        "{:>2} | {} | {} | {seen} | {}{kept} ({took:.0} s)",
        scenario.number,
        scenario.name,
        scenario.asked,
        row.verdict_text()
    )
}

/// Prints the table and the closing line; returns whether nothing failed.
pub(crate) fn print(rows: &[Row], seed: Seed) -> bool {
    println!(" # | scenario | figure asked | figure seen | verdict (seed {})", seed.0);
    for row in rows {
        println!("{}", line(row));
    }
    let count = |status| rows.iter().filter(|row| row.status() == status).count();
    let (passed, failed) = (count(Status::Passed), count(Status::Failed));
    println!("{passed} passed, {failed} failed, {} skipped", count(Status::NotRun));
    failed == 0
}

/// The table for the file, with what is needed to repeat the run.
pub(crate) fn markdown(rows: &[Row], form: &str, seed: Seed) -> String {
    let mut text = format!(
        "# Results of the fault scenarios\n\n{form} form, seed {}, {}, {}, {}\n\n",
        seed.0,
        Utc::now().format("%Y-%m-%d %H:%M UTC"),
        machine(),
        redis_version()
    );
    text.push_str("| # | scenario | figure asked | figure seen | verdict |\n|---|---|---|---|---|\n");
    for row in rows {
        let (scenario, figures) = (row.scenario, row.result.seen.join("; "));
        let verdict = row.verdict_text().replace('|', "/");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {figures} | {verdict} |",
            scenario.number, scenario.name, scenario.asked
        );
    }
    text
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}

fn redis_version() -> String {
    let output = Command::new(tests::redis_server::server_program()).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map_or_else(
        || "Redis of unknown version".to_owned(),
        |version| {
            format!("Redis {version}, {} build", if cfg!(debug_assertions) { "debug" } else { "optimised" })
        },
    )
}
