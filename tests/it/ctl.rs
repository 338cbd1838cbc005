//! What operators see and do: the steps over the queue, and the program itself.

mod board;
mod operate;
pub(crate) mod program;
