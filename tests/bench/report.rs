//! The table: figure, ours, the other, ratio, what is asked.

use std::fmt::Write as _;

use super::Effort;

/// How a figure must compare with what is asked of it.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
    /// Nothing: shown for what it says.
    Nothing,
}

/// One figure.
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// Ours, in words with its unit.
    pub(crate) ours: String,
    /// What it is held against, in words with its unit.
    pub(crate) other: String,
    /// What is judged.
    pub(crate) value: f64,
    /// What is asked of it.
    pub(crate) asked: Asked,
}

/// All figures of a run.
pub(crate) struct Report {
    effort: Effort,
    figures: Vec<Figure>,
}

impl Report {
    /// An empty table.
    pub(crate) fn new(effort: Effort) -> Self {
        Self { effort, figures: Vec::new() }
    }

    /// Adds a figure, and says it at once.
    pub(crate) fn add(&mut self, figure: Figure) {
        eprintln!("  {}: {} against {} -> {:.3}", figure.name, figure.ours, figure.other, figure.value);
        self.figures.push(figure);
    }

    /// Figures that are not as asked.
    pub(crate) fn missed(&self) -> usize {
        self.figures.iter().filter(|figure| !figure.asked.holds(figure.value)).count()
    }

    /// The table for a terminal.
    pub(crate) fn print(&self) {
        println!("\n{}", self.markdown());
    }

    /// The table as Markdown, with what it was measured on.
    pub(crate) fn markdown(&self) -> String {
        let Effort { runs, seconds } = self.effort;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let mut text = format!(
            "Measured {} on {cores} cores shared by everything; medians of {runs} runs, {seconds} s each under load.\n\n",
            chrono::Utc::now().format("%Y-%m-%d %H:%M UTC")
        );
        text.push_str("| figure | ours | against | value | asked | |\n|---|---|---|---|---|---|\n");
        for Figure { name, ours, other, value, asked } in &self.figures {
            let verdict = if asked.holds(*value) { "" } else { "**missed**" };
            let _ =
                writeln!(text, "| {name} | {ours} | {other} | {value:.2} | {} | {verdict} |", asked.words());
        }
        text
    }
}

impl Asked {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Nothing => true,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}"),
            Self::AtMost(bound) => format!("≤ {bound}"),
            Self::Nothing => String::new(),
        }
    }
}

/// The middle of several runs.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
