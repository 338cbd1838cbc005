//! The invariants I1 to I6, each a function from the evidence of a run to its violations. I7 calls a running API, I8
//! reads files: they are in `strangers` and, next to this module, in `leaks`.

mod ended;
mod messages;
pub mod strangers;

use super::evidence::Evidence;

pub use ended::{every_accepted_job_ended, no_ended_job_changed};
pub use messages::{
    code_of, no_message_after_the_deadline, no_message_without_a_job, no_more_messages_than_allowed,
    one_code_per_job,
};

/// A violated rule, and the jobs that violate it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// `I1` to `I8`.
    pub rule: &'static str,
    /// The violation.
    pub what: String,
    /// The jobs.
    pub jobs: Vec<String>,
}

impl Breach {
    /// A violation, if any job violates the rule.
    pub fn of(rule: &'static str, what: &str, mut jobs: Vec<String>) -> Option<Self> {
        jobs.sort();
        (!jobs.is_empty()).then(|| Self { rule, what: what.to_owned(), jobs })
    }
}

/// Checks every rule that needs only the evidence.
pub fn all(evidence: &Evidence) -> Vec<Breach> {
    let rules = [
        every_accepted_job_ended,
        no_more_messages_than_allowed,
        one_code_per_job,
        no_message_without_a_job,
        no_message_after_the_deadline,
        no_ended_job_changed,
    ];
    rules.iter().filter_map(|rule| rule(evidence)).collect()
}

#[cfg(test)]
mod tests;
