//! Extractors of the handlers.

pub(crate) mod authorized;
pub(crate) mod body;
pub(crate) mod path;
