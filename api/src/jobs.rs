//! Routes of jobs.

mod etag;
mod show;
mod view;

pub(crate) use show::show;
pub(crate) use view::PendingView;
