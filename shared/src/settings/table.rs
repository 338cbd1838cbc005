//! Every setting there is, in one table for each part: name, default, help, and what a valid value looks like. `--help`,
//! `--check-config`, the parsers, their errors and `deploy/settings.md` are made from it.

mod api;
mod common;
mod worker;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// One environment variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its default; empty if there is none.
    pub default: &'static str,
    /// What it does, for `--help`.
    pub help: &'static str,
    /// Whether its value must not be shown.
    pub is_secret: bool,
    /// Which values are valid.
    pub kind: Kind,
}

/// Which values are valid.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A whole number of a unit within bounds.
    Number(&'static str, RangeInclusive<u64>),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An `http://` or `https://` URL.
    HttpUrl,
    /// An IP address and a port.
    Address,
    /// Described by these words; its own type parses it.
    Other(&'static str),
}

/// The settings of a program, part by part.
pub type Table = &'static [&'static [Variable]];

/// The settings of the API.
pub const API: Table = &[common::SETTINGS, api::SETTINGS];

/// The settings of the worker.
pub const WORKER: Table = &[common::SETTINGS, worker::SETTINGS];

/// All settings. Each program knows the names of the others', because they often share one environment.
pub const ALL: Table = &[common::SETTINGS, api::SETTINGS, worker::SETTINGS];

const fn setting(name: &'static str, default: &'static str, kind: Kind, help: &'static str) -> Variable {
    Variable { name, default, help, is_secret: false, kind }
}

const fn secret(name: &'static str, expected: &'static str, help: &'static str) -> Variable {
    Variable { name, default: "", help, is_secret: true, kind: Kind::Other(expected) }
}

impl Variable {
    /// What a valid value looks like, for errors.
    pub fn expected(&self) -> String {
        match &self.kind {
            Kind::Number(unit, bounds) => {
                format!("a whole number of {unit} from {} to {}", bounds.start(), bounds.end())
            }
            Kind::Choice([most @ .., last]) if !most.is_empty() => format!("{} or {last}", most.join(", ")),
            Kind::Choice(words) => words.concat(),
            Kind::HttpUrl => "an http:// or https:// URL".to_owned(),
            Kind::Address => "an IP address and port such as 127.0.0.1:8080".to_owned(),
            Kind::Other(expected) => (*expected).to_owned(),
        }
    }

    /// Whether its value may contain credentials in a URL.
    pub(super) fn is_url(&self) -> bool {
        matches!(self.kind, Kind::HttpUrl) || self.name.ends_with("_URL")
    }
}

/// The settings of a table.
pub fn variables(table: Table) -> impl Iterator<Item = &'static Variable> {
    table.iter().flat_map(|part| part.iter())
}

/// The entry of a name.
pub(super) fn find(name: &str) -> Option<&'static Variable> {
    variables(ALL).find(|variable| variable.name == name)
}

/// Settings with their defaults, for `--help`, with lines of at most this width.
pub fn help<'a>(settings: impl Iterator<Item = &'a Variable>, width: usize) -> String {
    let head = "Settings (environment; also a TOML file named by RESEND_CONFIG, environment wins):";
    let mut text = wrapped(head, 0, width) + "\n";
    for Variable { name, default, help, .. } in settings {
        let default = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        let help = wrapped(&format!("{help}{default}"), HELP_FROM, width);
        let _ = writeln!(text, "  {name:<32} {help}");
    }
    text
}

/// The column in which the help of a setting begins.
const HELP_FROM: usize = 35;

/// Text in lines of at most `width` columns, all but the first indented by `indent`, where the first begins too.
pub fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let (mut wrapped, mut column) = (String::new(), indent);
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

/// All settings as Markdown: `deploy/settings.md`.
pub fn markdown() -> String {
    let parts = [
        ("All programs", common::SETTINGS),
        ("The API (and `resendctl doctor`)", api::SETTINGS),
        ("The worker (and `resendctl doctor`, `resendctl send-test`)", worker::SETTINGS),
    ];
    let mut text = include_str!("table/preface.md").to_owned();
    for (title, settings) in parts {
        let _ = write!(
            text,
            "\n## {title}\n\n| variable | default | valid values | meaning |\n|---|---|---|---|\n"
        );
        for variable in settings {
            let Variable { name, default, help, .. } = variable;
            let default = if default.is_empty() { "–".to_owned() } else { format!("`{default}`") };
            let hidden = if variable.is_secret { " (secret)" } else { "" };
            let _ = writeln!(text, "| `{name}` | {default} | {} | {help}{hidden} |", variable.expected());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_is_listed_twice() {
        let names: std::collections::HashSet<_> = variables(ALL).map(|variable| variable.name).collect();
        assert_eq!(names.len(), variables(ALL).count());
    }

    #[test]
    fn help_keeps_to_the_width_of_a_terminal() {
        let help = help(variables(ALL), 80);
        let long: Vec<_> = help.lines().filter(|line| line.chars().count() > 80).collect();
        // A default that is one long word cannot be wrapped.
        assert!(long.iter().all(|line| line.trim_start().split(' ').count() == 1), "{long:#?}");
        assert_eq!(wrapped("one two three", 2, 10), "one two\n  three");
    }

    #[test]
    fn what_is_expected_reads_as_a_sentence() {
        let expected = |name| find(name).unwrap().expected();
        assert_eq!(expected("RESEND_LEASE_SECONDS"), "a whole number of seconds from 2 to 3600");
        assert_eq!(expected("RESEND_SYNC_POLICY"), "prefer, auto, refusals or never");
    }
}
