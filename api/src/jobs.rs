//! Routes of jobs.

mod etag;
mod events;
mod owned;
mod show;
mod view;

pub(crate) use events::{__path_events, events};
pub(crate) use owned::owned_job;
pub(crate) use show::{__path_show, show};
pub(crate) use view::{FailedView, JobView, Link, PendingView, ProcessedView};
