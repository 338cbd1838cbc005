//! Violations in a request, one entry each, in the platform's format (`invalid`).

use serde::Serialize;
use utoipa::ToSchema;

/// One entry of `invalid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Violation {
    #[serde(rename = "entry_type")]
    kind: &'static str,
    pub(crate) entry: &'static str,
    rules: [Rule; 1],
}

/// A rule that an entry of `invalid` violates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(rename = "rule")]
    pub(crate) name: &'static str,
    pub(crate) params: &'static [&'static str],
    pub(crate) description: &'static str,
}

impl Violation {
    /// In the request itself, as `$.patient_id`.
    pub(crate) const fn request(entry: &'static str, rule: Rule) -> Self {
        Self { kind: "request", entry, rules: [rule] }
    }

    /// In a header of this name.
    pub(crate) const fn header(entry: &'static str, rule: Rule) -> Self {
        Self { kind: "header", entry, rules: [rule] }
    }
}
