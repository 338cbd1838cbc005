//! Routes of jobs.

mod etag;
mod events;
mod owned;
mod show;
mod view;

pub(crate) use events::events;
pub(crate) use owned::owned_job;
pub(crate) use show::show;
pub(crate) use view::PendingView;
