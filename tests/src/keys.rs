//! The keys of a queue of the usual name, made by the service's own functions.

use std::fmt::Display;

use shared::queue::Keys;

/// The keys of the queue `resend`.
pub fn keys() -> Keys {
    Keys::new("resend")
}

/// The record of the job with this id.
pub fn job_record(id: &(impl Display + ?Sized)) -> String {
    format!("{}{id}", keys().job_prefix())
}
