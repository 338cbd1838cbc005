//! What operators see and do: the steps over the queue, and the program itself.

mod board;
mod doctor_approval;
mod operate;
pub(crate) mod program;
mod stories;
