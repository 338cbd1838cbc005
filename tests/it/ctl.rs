//! The operators' view and actions: the steps on the queue, and the program itself.

mod board;
mod doctor_approval;
mod operate;
pub(crate) mod program;
mod stories;
