//! Routes under `/verifications`: codes that were sent, and whether one is right.

pub(crate) use body::read as read_body;

mod body;
mod complete;

pub(crate) use complete::{__path_complete, VerificationView, complete};
