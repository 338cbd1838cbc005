//! The queue: each step of a job is one script in one round trip, so that nothing is ever half done.
//!
//! A job is *enqueued* by the API, *fetched* by a worker, which holds it under a lease kept alive by heartbeats,
//! *begins its send*, and *finishes*; or it is scheduled to be *retried later*. Every step after the fetch is fenced:
//! it changes nothing unless the caller still owns this very delivery.
//!
//! Four roles work over one core (connection, keys, scripts):
//!
//! | role | what it does |
//! |---|---|
//! | [`Producer`] | accepts jobs |
//! | [`Deliveries`], driven by a [`Consumer`] | fetch, lease, settle, take over, retry later |
//! | [`JobStore`] | reads a job, and waits for its end |
//! | [`Operator`] | looks at the whole queue; pauses, cancels, retries |

mod confirmation;
mod consumer;
mod core;
mod delivery;
mod durability;
mod error;
mod eta;
mod handle;
mod job_store;
mod keys;
mod operator;
mod producer;
mod scripts;
mod send_capacity;
mod stored_result;

pub use consumer::{
    AckLayer, Backend, Consumer, Deliveries, Finished, Intake, JobAttempt, JobDisposition, LeasedJob,
    PutBack, SendCounts, SendSettlement, Sweeper, TakenCode, TakenOver,
};
pub(crate) use consumer::{CountedSend, MAX_BELIEVED, MAX_OPEN};
pub use delivery::Delivery;
pub use error::QueueError;
pub use eta::still_ahead;
pub use handle::Queue;
pub use job_store::{JobNotifier, JobStore, Subscription};
pub use keys::{GROUP, Keys};
pub use operator::{
    Cancelled, Gauges, JobCursor, JobPage, JobStatus, Minute, Operator, OperatorAction, Overview,
    ProcessReport, Progress, QuarantineId, Quarantined, Restored, RetriedNow, WorkerStatus,
};
pub use producer::{AcceptedJob, Enqueued, NewJob, Producer};
pub use send_capacity::SendCapacity;
