//! The shipped deployment files: they are valid, they agree with the programs, and the rights they give are sufficient
//! and minimal.

mod clients;
mod kubernetes;
mod prometheus;
mod redis;
mod rights;
mod runbook;
mod units;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of the repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Its text.
fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Words with this prefix, continued by these characters.
fn words(text: &str, begin: &str, goes_on: impl Fn(char) -> bool) -> BTreeSet<String> {
    text.match_indices(begin)
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        .map(|(at, _)| text[at..].chars().take_while(|c| goes_on(*c)).collect())
        .collect()
}
