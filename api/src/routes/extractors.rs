//! What handlers take from a request.

pub(crate) mod authorized;
pub(crate) mod body;
pub(crate) mod path;
