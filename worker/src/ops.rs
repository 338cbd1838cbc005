//! What operators see: the figures of a queue, the alarms they give, how numbers read, and the board. `resendctl` prints
//! the same.

pub mod alarms;
pub mod board;
pub mod capacity;
pub mod figures;
pub mod format;
pub mod story;
pub mod upstreams;
