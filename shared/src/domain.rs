//! The words of the domain: ids, the message, the job, the person and the approval as the registry gives them, and the
//! outcomes. No I/O.

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
