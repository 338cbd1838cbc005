//! Every outcome of every route: status, cause and content.

use utoipa::IntoResponses;

use super::envelope::{Failure, Success};
use super::job::{JobView, PendingView};
use super::schemas::{Approval, JobEvent};
use super::verification::VerificationView;

/// The refusals of every route, including those about the service itself.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description")]
pub(crate) enum HeadRefusals<'a> {
    /// The request names no host.
    #[response(status = 400)]
    Malformed(Failure<'a>),
    /// The URI is over 8 KiB.
    #[response(status = 414)]
    UriTooLong(Failure<'a>),
    /// There are more than 64 headers, or more than 16 KiB of them.
    #[response(status = 431)]
    HeadTooLarge(Failure<'a>),
    /// The body is in a transfer coding other than `chunked`.
    #[response(status = 501)]
    NotImplemented(Failure<'a>),
}

/// Outcomes of the PATCH that asks for a code.
#[derive(IntoResponses)]
#[allow(dead_code, clippy::large_enum_variant, reason = "a description")]
pub(crate) enum ResendOutcomes<'a> {
    /// The server waited for the job, and the code was sent.
    #[response(status = 201, headers(
        ("Location" = String, description = "The link to the job"),
        ("Link" = String, description = "The same, as `rel=\"status\"` (RFC 8631)"),
        ("Preference-Applied" = String, description = "If the client asked to wait"),
    ))]
    Sent(Success<'a, Approval>),
    /// The job is stored and can be read at the link.
    #[response(status = 202, headers(
        ("Location" = String, description = "The link to the job"),
        ("Link" = String, description = "The same, as `rel=\"status\"` (RFC 8631)"),
        ("Retry-After" = u64, description = "Seconds until the job will have ended"),
        ("Preference-Applied" = String, description = "If a preference was honoured"),
    ))]
    Accepted(Success<'a, PendingView<'a>>),
    /// The body is incomplete, or the request names no host.
    #[response(status = 400)]
    Malformed(Failure<'a>),
    /// No token, or an invalid one.
    #[response(status = 401, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Unauthorized(Failure<'a>),
    /// The token lacks the scope.
    #[response(status = 403, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Forbidden(Failure<'a>),
    /// The server waited: there is no such person, or no such approval of theirs.
    #[response(status = 404)]
    NotFound(Failure<'a>),
    /// The server waited: person, approval or method do not allow it.
    #[response(status = 409)]
    Conflict(Failure<'a>),
    /// The body is over 16 KiB.
    #[response(status = 413)]
    TooLarge(Failure<'a>),
    /// The URI is over 8 KiB.
    #[response(status = 414)]
    UriTooLong(Failure<'a>),
    /// An id is not a UUID, or the idempotency key is malformed, is sent twice differently, or was used with another path.
    #[response(status = 422)]
    Invalid(Failure<'a>),
    /// A limit on messages is reached, or another client's job for this approval is under way.
    #[response(status = 429, headers(
        ("Retry-After" = u64, description = "Seconds until the next attempt is allowed"),
        ("Link" = String, description = "The job whose message began a cool-down, if it is the client's, as `rel=\"status\"`"),
    ))]
    TooMany(Failure<'a>),
    /// There are more than 64 headers, or more than 16 KiB of them.
    #[response(status = 431)]
    HeadTooLarge(Failure<'a>),
    /// The request could not be processed.
    #[response(status = 500)]
    Internal(Failure<'a>),
    /// The body is in a transfer coding other than `chunked`.
    #[response(status = 501)]
    NotImplemented(Failure<'a>),
    /// The server waited: a service it depends on failed.
    #[response(status = 502)]
    UpstreamFailed(Failure<'a>),
    /// The queue or the authorization server cannot be reached, or too much is queued.
    #[response(status = 503, headers(("Retry-After" = u64, description = "Seconds")))]
    Unavailable(Failure<'a>),
    /// The server waited: a service it depends on did not answer in time.
    #[response(status = 504)]
    UpstreamSilent(Failure<'a>),
}

/// Outcomes of reading a job.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description")]
pub(crate) enum JobOutcomes<'a> {
    /// The job: pending, processed, or failed with its own status code inside.
    #[response(status = 200, headers(
        ("ETag" = String, description = "Weak: the same as long as the data is the same"),
        ("Retry-After" = u64, description = "Seconds until a pending job will have ended, or until the next attempt after a limit"),
        ("Preference-Applied" = String, description = "If the client asked to wait"),
    ))]
    Shown(Success<'a, JobView<'a>>),
    /// The client has this state already.
    #[response(status = 304)]
    NotModified,
    /// The request names no host.
    #[response(status = 400)]
    Malformed(Failure<'a>),
    /// No token, or an invalid one.
    #[response(status = 401, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Unauthorized(Failure<'a>),
    /// The token lacks the scope.
    #[response(status = 403, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Forbidden(Failure<'a>),
    /// No such job, one of another client, or one that has expired.
    #[response(status = 404)]
    NotFound(Failure<'a>),
    /// The URI is over 8 KiB.
    #[response(status = 414)]
    UriTooLong(Failure<'a>),
    /// There are more than 64 headers, or more than 16 KiB of them.
    #[response(status = 431)]
    HeadTooLarge(Failure<'a>),
    /// The request could not be processed.
    #[response(status = 500)]
    Internal(Failure<'a>),
    /// The body is in a transfer coding other than `chunked`.
    #[response(status = 501)]
    NotImplemented(Failure<'a>),
    /// The queue or the authorization server cannot be reached.
    #[response(status = 503, headers(("Retry-After" = u64, description = "Seconds")))]
    Unavailable(Failure<'a>),
}

/// Outcomes of following a job.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description")]
pub(crate) enum StreamOutcomes<'a> {
    /// One event for each status, named after it; its data is the answer to reading the job.
    #[response(status = 200, content_type = "text/event-stream")]
    Events(JobEvent),
    /// The client has seen the last event.
    #[response(status = 204)]
    Over,
    /// The request names no host.
    #[response(status = 400)]
    Malformed(Failure<'a>),
    /// No token, or an invalid one.
    #[response(status = 401, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Unauthorized(Failure<'a>),
    /// The token lacks the scope.
    #[response(status = 403, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Forbidden(Failure<'a>),
    /// No such job, one of another client, or one that has expired.
    #[response(status = 404)]
    NotFound(Failure<'a>),
    /// The URI is over 8 KiB.
    #[response(status = 414)]
    UriTooLong(Failure<'a>),
    /// There are more than 64 headers, or more than 16 KiB of them.
    #[response(status = 431)]
    HeadTooLarge(Failure<'a>),
    /// The request could not be processed.
    #[response(status = 500)]
    Internal(Failure<'a>),
    /// The body is in a transfer coding other than `chunked`.
    #[response(status = 501)]
    NotImplemented(Failure<'a>),
    /// The queue or the authorization server cannot be reached, or too many clients wait already.
    #[response(status = 503, headers(("Retry-After" = u64, description = "Seconds")))]
    Unavailable(Failure<'a>),
}

/// Outcomes of checking a code.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description")]
pub(crate) enum VerificationOutcomes<'a> {
    /// The code is right.
    #[response(status = 200)]
    Verified(Success<'a, VerificationView>),
    /// The body is not JSON or is incomplete, or the request names no host.
    #[response(status = 400)]
    Malformed(Failure<'a>),
    /// No token, or an invalid one.
    #[response(status = 401, headers(("WWW-Authenticate" = String, description = "RFC 6750")))]
    Unauthorized(Failure<'a>),
    /// The token lacks the scope; or the code is wrong, expired, or was guessed at too often.
    #[response(status = 403)]
    Forbidden(Failure<'a>),
    /// This service does not make the codes.
    #[response(status = 404)]
    NotFound(Failure<'a>),
    /// The body is over 16 KiB.
    #[response(status = 413)]
    TooLarge(Failure<'a>),
    /// The URI is over 8 KiB.
    #[response(status = 414)]
    UriTooLong(Failure<'a>),
    /// The phone number or the code is malformed.
    #[response(status = 422)]
    Invalid(Failure<'a>),
    /// The client has reached its limit of failed checks a minute.
    #[response(status = 429, headers(("Retry-After" = u64, description = "Seconds until the next check is allowed")))]
    TooMany(Failure<'a>),
    /// There are more than 64 headers, or more than 16 KiB of them.
    #[response(status = 431)]
    HeadTooLarge(Failure<'a>),
    /// The request could not be processed.
    #[response(status = 500)]
    Internal(Failure<'a>),
    /// The body is in a transfer coding other than `chunked`.
    #[response(status = 501)]
    NotImplemented(Failure<'a>),
    /// The queue or the authorization server cannot be reached.
    #[response(status = 503, headers(("Retry-After" = u64, description = "Seconds")))]
    Unavailable(Failure<'a>),
}
