//! What a run knows of the tries before it, without the registry: from the delivery, and for retried jobs from their
//! record.

use std::time::{Duration, Instant};

use shared::queue::{Delivery, JobDisposition, SendCounts};

use super::step_exit::{JobAge, RetryScheduled};
use crate::context::Context;
use crate::open_outcomes::OpenOutcome;
use crate::sms::SendHistory;

/// An entry that is younger than its job by more than this was scheduled once. Both times are Redis'.
const PUT_BACK: Duration = Duration::from_millis(100);

/// The tries before this one.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    /// The job's age.
    pub(super) job: JobAge,
    /// How often it was handed over.
    counts: SendCounts,
    /// The last outcome that left it open whether the message was taken, if any.
    open: Option<OpenOutcome>,
    /// When half of its deadline has passed.
    half_deadline: Option<Instant>,
}

impl History {
    /// Reads it. A first run needs no call. The error is the disposition of a job whose record cannot be read now.
    pub(super) async fn of(delivery: &Delivery, context: &Context) -> Result<Self, JobDisposition> {
        let age = Duration::from_millis(entry_ms(delivery).saturating_sub(delivery.accepted_ms));
        let deadline = context.queue.config().deadline;
        let half_deadline = Instant::now().checked_add((deadline / 2).saturating_sub(age));
        let left = deadline.saturating_sub(age);
        let is_retry = delivery.number > 1 || age > PUT_BACK;
        let job = JobAge { age, left, is_retry };
        let mut history = Self { job, counts: SendCounts::default(), open: None, half_deadline };
        if is_retry {
            history.counts = match context.queue.deliveries().send_counts(delivery).await {
                Ok(counts) => counts,
                Err(error) => return Err(RetryScheduled::not_stored(&error).disposition(&job)),
            };
            history.open = (history.counts.open > 0)
                .then(|| context.open_outcomes.of_job(&delivery.message.job, delivery.number > 1));
        }
        Ok(history)
    }

    /// The number of this try.
    pub(super) fn attempt(&self) -> u32 {
        self.counts.put_back.saturating_add(1)
    }

    /// Whether an earlier try left it open, and if so, whether its gateway was silent.
    pub(super) fn open_silent(&self) -> Option<bool> {
        self.open.map(|open| open.silent)
    }

    /// What decides which channels may take the message.
    pub(super) fn for_channels(&self) -> SendHistory {
        SendHistory {
            // If a run died, nobody knows whether it submitted, and no gateway is to blame: the job does not wait for
            // one.
            left_open: self.open.filter(|open| !open.by_crash).map(|open| open.since),
            open: self.counts.open,
            believed: self.counts.believed,
            is_retry: self.job.is_retry,
            half_deadline: self.half_deadline,
        }
    }
}

/// When the entry was written, by Redis' clock: the first part of its id.
fn entry_ms(delivery: &Delivery) -> u64 {
    delivery.entry.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or(delivery.accepted_ms)
}
