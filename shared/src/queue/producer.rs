//! Accepting jobs.

mod durability;
mod enqueue;
mod role;

pub use enqueue::{AcceptedJob, Enqueued, NewJob};
pub use role::Producer;
