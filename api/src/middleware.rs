//! What every request passes through, whatever its route.

pub(crate) mod concurrency;
pub(crate) mod exchange;
pub(crate) mod request_log;
