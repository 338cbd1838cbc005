//! A scenario's figures, and whether they meet the requirements.

use std::fmt::Display;
use std::time::Duration;

use super::check::Breach;

/// How many jobs a report names; the rest are counted.
const MAX_NAMED_JOBS: usize = 3;

/// The figures of one scenario.
#[derive(Debug, Default)]
pub struct ScenarioResult {
    /// Every figure.
    pub seen: Vec<String>,
    /// Every missed requirement.
    pub wrong: Vec<String>,
    /// Folders that were kept for inspection.
    pub kept: Vec<String>,
    /// Why it could not run.
    pub not_run: Option<String>,
}

impl ScenarioResult {
    /// A scenario that cannot run here.
    pub fn not_run(reason: impl Display) -> Self {
        Self { not_run: Some(reason.to_string()), ..Self::default() }
    }

    /// A figure without a bound.
    pub fn note(&mut self, seen: impl Display) {
        self.seen.push(seen.to_string());
    }

    /// A count that must be exactly this.
    pub fn exactly(&mut self, what: &str, seen: usize, asked: usize) {
        self.require(seen == asked, format!("{seen} {what}"), format!("asked {asked}"));
    }

    /// A count that must be at most this.
    pub fn at_most(&mut self, what: &str, seen: usize, most: usize) {
        self.require(seen <= most, format!("{seen} {what}"), format!("asked ≤ {most}"));
    }

    /// A count that must be at least this: shows that the control has an effect.
    pub fn at_least(&mut self, what: &str, seen: usize, least: usize) {
        self.require(seen >= least, format!("{seen} {what}"), format!("asked ≥ {least}"));
    }

    /// A time that must be at most this.
    pub fn within(&mut self, what: &str, seen: Option<Duration>, most: Duration) {
        let shown = seen.map_or_else(|| "never".to_owned(), |seen| format!("{:.1} s", seen.as_secs_f64()));
        let good = seen.is_some_and(|seen| seen <= most);
        self.require(good, format!("{what} {shown}"), format!("asked ≤ {:.1} s", most.as_secs_f64()));
    }

    /// A condition that must hold.
    pub fn require(&mut self, good: bool, seen: impl Display, asked: impl Display) {
        let shown = seen.to_string();
        if !shown.is_empty() {
            self.seen.push(shown);
        }
        if !good {
            self.wrong.push(format!("{seen}: {asked}"));
        }
    }

    /// Adds violated rules.
    pub fn breaches(&mut self, breaches: impl IntoIterator<Item = Breach>) {
        for Breach { rule, what, jobs } in breaches {
            let named = jobs.iter().take(MAX_NAMED_JOBS).cloned().collect::<Vec<_>>().join(", ");
            self.wrong.push(format!("{rule}: {} jobs {what} ({named}…)", jobs.len()));
        }
    }
}
