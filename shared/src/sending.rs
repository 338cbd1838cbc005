//! Everything that is decided before a message is sent: the guard, the limits and the codes.

pub mod codes;
pub mod guard;
pub mod limits;
