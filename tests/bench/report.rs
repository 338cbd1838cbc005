//! The table: figure, ours, the other, the judged value, the requirement, the verdict.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Effort;

/// The requirement for a figure.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
    /// None: shown for information.
    None,
}

/// One figure.
pub(crate) struct Figure {
    /// Its name.
    pub(crate) name: String,
    /// Ours, as text with its unit.
    pub(crate) ours: String,
    /// The other side, as text with its unit.
    pub(crate) other: String,
    /// The value that is judged.
    pub(crate) value: f64,
    /// The requirement.
    pub(crate) bound: Bound,
}

/// A row of the table.
enum Entry {
    Part(String),
    Seen(Figure),
    NotRun { name: String, why: String },
    Failed { name: String, why: String },
}

/// All figures of a run, and its progress.
pub(crate) struct Report {
    effort: Effort,
    machine: String,
    entries: Vec<Entry>,
    bar: ProgressBar,
}

impl Report {
    /// An empty table for this many parts, measured on this machine.
    pub(crate) fn new(effort: Effort, machine: String, parts: usize) -> Self {
        let bar = ProgressBar::new(parts as u64);
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} parts, {elapsed}  {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { effort, machine, entries: Vec::new(), bar }
    }

    /// Starts a part.
    pub(crate) fn begin(&mut self, part: &str) {
        self.say(part);
        self.entries.push(Entry::Part(part.to_owned()));
    }

    /// Shows the current step.
    pub(crate) fn step(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Ends a part.
    pub(crate) fn end_part(&self) {
        self.bar.inc(1);
    }

    /// Adds a figure and prints it at once.
    pub(crate) fn add(&mut self, figure: Figure) {
        let Figure { name, ours, other, value, bound } = &figure;
        self.say(&format!("  {name}: {ours} against {other} -> {value:.3} {}", bound.verdict(*value)));
        self.entries.push(Entry::Seen(figure));
    }

    /// Adds a measurement that is not possible here, and not required.
    pub(crate) fn not_run(&mut self, name: impl Into<String>, why: impl Into<String>) {
        let (name, why) = (name.into(), why.into());
        self.say(&format!("  {name}: not run: {why}"));
        self.entries.push(Entry::NotRun { name, why });
    }

    /// Adds a measurement that failed.
    pub(crate) fn failed(&mut self, name: impl Into<String>, why: impl Into<String>) {
        let (name, why) = (name.into(), why.into().replace(['\n', '|'], " "));
        self.say(&format!("  {name}: failed: {why}"));
        self.entries.push(Entry::Failed { name, why });
    }

    /// The number of missed requirements and failed measurements.
    pub(crate) fn missed(&self) -> usize {
        let missed = |entry: &&Entry| match entry {
            Entry::Seen(figure) => !figure.bound.holds(figure.value),
            Entry::Failed { .. } => true,
            Entry::Part(_) | Entry::NotRun { .. } => false,
        };
        self.entries.iter().filter(missed).count()
    }

    /// The table for a terminal.
    pub(crate) fn print(&self) {
        self.bar.finish_and_clear();
        println!("\n{}", self.markdown());
    }

    /// The table as Markdown, with the facts about the machine.
    pub(crate) fn markdown(&self) -> String {
        let Effort { runs, seconds, .. } = self.effort;
        let mut text = format!(
            "# Figures of one run\n\nWritten by `tests/run --bench`; what each means, and what bounds it, is in \
             [README.md](README.md).\n\n{}\n- medians of {runs} runs (least–most), {seconds} s each under load\n",
            self.machine
        );
        for line in &self.entries {
            let _ = match line {
                Entry::Part(part) => writeln!(
                    text,
                    "\n## {part}\n\n| figure | ours | against | value | asked | verdict |\n|---|---|---|---|---|---|"
                ),
                Entry::Seen(Figure { name, ours, other, value, bound }) => {
                    let (words, verdict) = (bound.words(), bound.verdict(*value));
                    writeln!(text, "| {name} | {ours} | {other} | {value:.2} | {words} | {verdict} |")
                }
                Entry::NotRun { name, why } => writeln!(text, "| {name} | | | | | not run: {why} |"),
                Entry::Failed { name, why } => writeln!(text, "| {name} | | | | | **failed**: {why} |"),
            };
        }
        text
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::None => true,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {}", short(bound)),
            Self::AtMost(bound) => format!("≤ {}", short(bound)),
            Self::None => String::new(),
        }
    }

    fn verdict(self, value: f64) -> &'static str {
        match self {
            Self::None => "",
            bound if bound.holds(value) => "met",
            _ => "**missed**",
        }
    }
}

/// A bound rounded to meaningful digits.
fn short(bound: f64) -> f64 {
    (bound * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(Effort { runs: 3, seconds: 1, quick: true }, "- here".into(), 1)
    }

    fn figure(value: f64, bound: Bound) -> Figure {
        Figure { name: "rate".into(), ours: "1/s".into(), other: "2/s".into(), value, bound }
    }

    #[test]
    fn a_figure_is_missed_on_the_wrong_side_of_its_bound_only() {
        for (value, bound, verdict) in [
            (0.85, Bound::AtLeast(0.85), "met"),
            (0.849, Bound::AtLeast(0.85), "**missed**"),
            (1.5, Bound::AtMost(1.5), "met"),
            (1.51, Bound::AtMost(1.5), "**missed**"),
            (f64::NAN, Bound::AtMost(1.5), "**missed**"),
            (0.0, Bound::None, ""),
        ] {
            let mut report = report();
            report.add(figure(value, bound));
            assert_eq!(report.missed(), usize::from(verdict == "**missed**"), "{value} {}", bound.words());
            assert!(report.markdown().contains(&format!("| {} | {verdict} |", bound.words())));
        }
    }

    #[test]
    fn what_is_not_run_is_shown_and_not_held_against_us_and_what_broke_is() {
        let mut report = report();
        report.not_run("Fastify + BullMQ", "no node here");
        assert_eq!(report.missed(), 0);
        assert!(report.markdown().contains("| Fastify + BullMQ | | | | | not run: no node here |"));
        report.failed("drain", "not within 10s\n| it hangs");
        assert_eq!(report.missed(), 1);
        assert!(report.markdown().contains("| drain | | | | | **failed**: not within 10s   it hangs |"));
    }
}
