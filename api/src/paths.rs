//! Paths of all routes, and the labels derived from them.

use axum::extract::MatchedPath;

pub(crate) const RESEND: &str = "/api/patients/{patient_id}/approvals/{id}/actions/resend";
pub(crate) const VERIFICATION: &str = "/verifications/{phone_number}/actions/complete";
pub(crate) const JOB: &str = "/Jobs/{id}";
pub(crate) const JOB_LOWER_CASE: &str = "/jobs/{id}";
pub(crate) const JOB_UNDER_API: &str = "/api/jobs/{id}";
pub(crate) const JOB_EVENTS: &str = "/Jobs/{id}/events";
pub(crate) const JOB_EVENTS_LOWER_CASE: &str = "/jobs/{id}/events";
pub(crate) const JOB_EVENTS_UNDER_API: &str = "/api/jobs/{id}/events";
pub(crate) const OPENAPI: &str = "/openapi.json";
pub(crate) const DOCS: &str = "/docs";
pub(crate) const HEALTHZ: &str = "/healthz";
pub(crate) const READYZ: &str = "/readyz";
pub(crate) const METRICS: &str = "/metrics";

/// Routes that probes and scrapers call all day.
pub(crate) const PROBES: [&str; 3] = [HEALTHZ, READYZ, METRICS];

/// All of them.
pub(crate) const ALL: [&str; 13] = [
    RESEND,
    VERIFICATION,
    JOB,
    JOB_LOWER_CASE,
    JOB_UNDER_API,
    JOB_EVENTS,
    JOB_EVENTS_LOWER_CASE,
    JOB_EVENTS_UNDER_API,
    OPENAPI,
    DOCS,
    HEALTHZ,
    READYZ,
    METRICS,
];

/// The route that a request matched, for metrics and logs: from the closed set above, or `other`.
pub(crate) fn label(matched: Option<&MatchedPath>) -> &'static str {
    let Some(matched) = matched.map(MatchedPath::as_str) else { return "other" };
    // The files of the API viewer count as one route.
    let matched = if matched.starts_with("/docs/") { DOCS } else { matched };
    ALL.into_iter().find(|path| *path == matched).unwrap_or("other")
}
