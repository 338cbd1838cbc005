//! How the public client reads answers, reimplemented from its behaviour.

use std::fmt;

use reqwest::StatusCode;
use serde_json::Value;
use tests::client::Answer;

/// What the doctor sees after asking for the code again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DoctorSees {
    /// "The SMS was sent".
    Sent,
    /// The approval is gone from the page: the client has dropped it.
    Dropped,
    /// The message of a conflict, translated.
    Conflict(String),
    /// "Something went wrong".
    Generic,
}

impl DoctorSees {
    /// Any 2xx is "sent", a 404 drops the approval, the words of a 409 are translated; the rest is one message.
    pub(super) fn of(answer: &Answer) -> Self {
        match answer.status {
            status if status.is_success() => Self::Sent,
            StatusCode::NOT_FOUND => Self::Dropped,
            StatusCode::CONFLICT => {
                Self::Conflict(answer.body["error"]["message"].as_str().unwrap_or_default().to_owned())
            }
            _ => Self::Generic,
        }
    }
}

impl fmt::Display for DoctorSees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("“SMS sent”"),
            Self::Dropped => f.write_str("approval dropped"),
            Self::Conflict(message) => write!(f, "“{message}”"),
            Self::Generic => f.write_str("generic message"),
        }
    }
}

/// The job of an answer: its first link holds `/jobs/`, in lower case only, and the id is what stands last.
pub(super) fn job_id(body: &Value) -> Option<String> {
    let href = body["data"]["links"][0]["href"].as_str().filter(|href| href.contains("/jobs/"))?;
    href.rsplit('/').next().map(str::to_owned)
}

/// A job as the client's processor of stored links reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobResult {
    Pending,
    /// The `id` of the result.
    Done(Value),
    /// The text of the failure.
    Failed(String),
}

impl JobResult {
    /// Done needs `status_code` to be the integer 200; the result is in `response_data`, else in `data`.
    pub(super) fn of(answer: &Answer) -> Self {
        let data = &answer.body["data"];
        match data["status"].as_str() {
            Some("pending" | "processing" | "accepted" | "queued") => Self::Pending,
            Some("processed" | "completed" | "success" | "active") if data["status_code"] == 200 => {
                Self::Done(data.get("response_data").unwrap_or(data)["id"].clone())
            }
            _ => Self::Failed(data["error"]["message"].as_str().unwrap_or_default().to_owned()),
        }
    }
}
