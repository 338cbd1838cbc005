//! A client's access to jobs: reading its own, and waiting for one to end.

pub(crate) mod errors;
pub(crate) mod reader;
pub(crate) mod wait;
