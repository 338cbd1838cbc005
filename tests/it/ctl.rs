//! What operators see and do: the steps over the queue, and the program itself.

mod operate;
mod program;
