//! The worker's side of the queue: the steps of a delivery, and the loops that drive them.

mod ack;
mod announce;
mod audit;
mod backend;
mod begin;
mod clock;
mod deliveries;
mod fetch;
mod finish;
mod group;
mod heartbeat;
mod intake;
mod lease;
mod leased_job;
mod process;
mod reclaim;
mod recovery;
mod schedule;
mod send;
mod single_steps;

pub use ack::{AckLayer, JobDisposition};
pub use backend::Backend;
pub use deliveries::Deliveries;
pub use finish::Finished;
pub use intake::Intake;
pub use leased_job::{JobAttempt, LeasedJob};
pub use process::Consumer;
pub(super) use reclaim::SWEEP;
pub use reclaim::Sweeper;
pub use schedule::PutBack;
pub(crate) use send::{CountedSend, MAX_BELIEVED, MAX_OPEN};
pub use send::{SendCounts, SendSettlement, TakenCode};
pub use single_steps::TakenOver;
