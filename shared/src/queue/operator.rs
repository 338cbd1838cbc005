//! The whole queue for its operators: showing it, and controlling it.

mod actions;
mod activity;
mod fleet;
mod gauges;
mod history;
mod jobs;
mod listing;
mod overview;
mod quarantine;
mod role;
mod upstream_reports;
mod workers;

pub use actions::{Cancelled, Restored, RetriedNow};
pub use activity::OperatorAction;
pub use gauges::Gauges;
pub use history::Minute;
pub use jobs::{JobStatus, Progress};
pub use listing::{JobCursor, JobPage};
pub use overview::Overview;
pub use quarantine::{QuarantineId, Quarantined};
pub use role::Operator;
pub use upstream_reports::ProcessReport;
pub use workers::WorkerStatus;
