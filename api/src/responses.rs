//! Answers: the envelope, the errors, the views of jobs and codes, and the document that describes them.

mod challenge;
pub(crate) mod document;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod etag;
pub(crate) mod job;
pub(crate) mod outcomes;
pub(crate) mod schemas;
pub(crate) mod verification;
