//! The operators' view: the figures of a queue, the alarms, number formats, and the board. `resendctl` prints the same.

pub mod alarms;
pub mod board;
pub mod capacity;
pub mod figures;
pub mod format;
pub mod story;
pub mod upstreams;
