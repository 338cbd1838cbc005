//! The domain's types: ids, the message, the job, the registry's person and approval, and the outcomes. No I/O.

pub mod approval;
pub mod clock;
pub mod ids;
pub mod job;
mod members;
pub mod message;
pub mod outcome;
pub mod person;
pub mod phone;

pub use members::UnreadableMember;
