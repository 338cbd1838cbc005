//! How a run of a job is settled: the layer between apalis and the handler, which records the handler's verdict.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::deliveries::Deliveries;
use super::finish::Finished;
use super::leased_job::{JobAttempt, LeasedJob};
use super::schedule::PutBack;
use super::send::SendSettlement;
use crate::domain::outcome::{Outcome, Refusal};
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;
use crate::runtime::backoff::Backoff;
use crate::telemetry::span::{self, Span};
use crate::telemetry::{LogThrottle, metric};

/// Waits between attempts to record a verdict while Redis is away; they grow from the first to the second.
const BACKOFF: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(1));

/// Attempts to record an end that fail because of what the job's keys hold.
const BROKEN_ATTEMPTS: u32 = 5;

/// How a run of a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum JobDisposition {
    /// Decided for good.
    End(Outcome),
    /// Try again later: an upstream service is in trouble.
    RetryLater {
        /// How long to wait.
        after: Duration,
        /// The outcome of its submits, unless it is recorded already.
        send: Option<SendSettlement>,
        /// The job's end if the next try would come after its deadline.
        otherwise: Refusal,
    },
    /// Release it untouched: this worker is stopping.
    HandBack,
    /// Another worker has the delivery now and runs the job again.
    Lost,
}

/// A run, as measured when its verdict was known.
#[derive(Clone, Copy)]
struct Run {
    took: Duration,
    is_undisturbed: bool,
}

/// Records verdicts.
#[derive(Clone)]
pub struct AckLayer {
    pub(super) deliveries: Deliveries,
}

/// A handler whose verdicts are recorded.
#[derive(Clone)]
pub struct AckService<S> {
    deliveries: Deliveries,
    handler: S,
}

impl<S> Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, handler: S) -> AckService<S> {
        AckService { deliveries: self.deliveries.clone(), handler }
    }
}

impl<S> Service<Task<LeasedJob>> for AckService<S>
where
    S: Service<Task<LeasedJob>, Response = JobDisposition>,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError> + Send + 'static,
{
    type Response = ();
    // Whatever goes wrong in a run is settled and logged here; apalis has nothing left to handle.
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Our handlers are always ready. An error here would end the whole worker for the sake of one job.
        self.handler.poll_ready(cx).map(|_| Ok(()))
    }

    fn call(&mut self, task: Task<LeasedJob>) -> Self::Future {
        let (deliveries, held) = (self.deliveries.clone(), task.args.clone());
        let (run, lines) = (self.handler.call(task), held.delivery().log_span());
        let settled = async move {
            match run.await {
                Ok(verdict) => {
                    note_verdict(held.span(), &verdict);
                    let _span = Span::step(span::FINISH, held.span().traceparent().as_ref());
                    deliveries.settle(&held, verdict).await;
                }
                Err(error) => deliveries.expire_lease_after_crash(&held, &error.into()).await,
            }
            held.span().end();
            Ok(())
        };
        Box::pin(settled.instrument(lines))
    }
}

fn note_verdict(span: &Span, verdict: &JobDisposition) {
    match verdict {
        JobDisposition::End(outcome) => {
            span.result("ended");
            span.job_status(outcome.status_code());
        }
        JobDisposition::RetryLater { .. } => {
            span.result("retry_later");
            span.fail("retry_later");
        }
        JobDisposition::HandBack => span.result("handed_back"),
        JobDisposition::Lost => span.fail("lost"),
    }
}

impl Deliveries {
    /// Records the verdict, however long Redis is away. Until it is recorded the lease is kept; if the lease is lost,
    /// the fence makes a late verdict harmless.
    async fn settle(&self, held: &LeasedJob, verdict: JobDisposition) {
        // The duration of the run alone, without the wait for Redis that may follow: predictions use it.
        let run = Run { took: held.run(), is_undisturbed: held.is_undisturbed(&self.core.redis) };
        let (mut failed, mut unconfirmed, mut broken) = (0, false, 0);
        let mut verdict = verdict;
        loop {
            match self.settle_once(held, &verdict, run).await {
                Ok(None) => return,
                Ok(Some(instead)) => verdict = instead,
                Err(error) if error.is_no_group() => return,
                Err(_) if held.lost().is_cancelled() && !unconfirmed => return,
                Err(error) if error.is_broken() && broken == BROKEN_ATTEMPTS => {
                    return self.give_up(held, &error).await;
                }
                // The connection layer logs that Redis is away. An unconfirmed write may be lost with its master, so it
                // is repeated until replicas have it. Until then only that master says that the lease is lost.
                Err(error) => {
                    unconfirmed |= error.is_unconfirmed();
                    broken += u32::from(error.is_broken());
                    tokio::time::sleep(BACKOFF.wait(failed)).await;
                    failed = failed.saturating_add(1);
                }
            }
        }
    }

    /// One attempt. If this verdict came too late, returns the one to record instead.
    async fn settle_once(
        &self,
        held: &LeasedJob,
        verdict: &JobDisposition,
        run: Run,
    ) -> Result<Option<JobDisposition>, QueueError> {
        let delivery = held.delivery();
        let counted = run.is_undisturbed.then_some(run.took);
        match verdict {
            JobDisposition::End(outcome) => {
                let attempt = held.attempt();
                let finished = self.finish_attempt(delivery, outcome, counted, &attempt).await?;
                note_finished(delivery, outcome, finished, run.took, &attempt);
            }
            JobDisposition::RetryLater { after, send, otherwise } => {
                if let Some(settlement) = send {
                    self.settle_send(settlement).await?;
                }
                let cause = otherwise.reason().as_str();
                if self.retry_later(delivery, *after, counted, cause).await? == PutBack::Late {
                    return Ok(Some(JobDisposition::End(Outcome::Refused(otherwise.clone()))));
                }
            }
            JobDisposition::HandBack => {
                self.release(delivery).await?;
            }
            JobDisposition::Lost => {}
        }
        Ok(None)
    }

    /// A verdict that can never be recorded must not hold its slot for ever: the job is delivered again, and
    /// quarantined after its last delivery.
    async fn give_up(&self, held: &LeasedJob, error: &QueueError) {
        tracing::error!(delivery = held.delivery().number, %error, "the end of a run cannot be written");
        self.leave_to_the_next(held).await;
    }

    /// A panic costs this job one delivery and nothing else: its lease ends now, and the next sweep of any worker runs
    /// it again or quarantines it.
    async fn expire_lease_after_crash(&self, held: &LeasedJob, error: &BoxDynError) {
        held.span().fail("crashed");
        tracing::error!(delivery = held.delivery().number, %error, "run crashed");
        self.leave_to_the_next(held).await;
    }

    /// If the lease cannot be ended, this worker still owns the entry. It will find it there and count another run.
    async fn leave_to_the_next(&self, held: &LeasedJob) {
        held.note_unended();
        if let Err(error) = self.expire_lease(held.delivery()).await {
            tracing::warn!(%error, "lease not ended early: this worker finds the job with its next sweep");
        }
    }
}

fn note_finished(
    delivery: &Delivery,
    outcome: &Outcome,
    finished: Finished,
    run: Duration,
    attempt: &JobAttempt,
) {
    let status_code = outcome.status_code();
    match finished {
        Finished::Done { eta_error_ms, ended_ms } => {
            metrics::counter!(metric::JOBS_FINISHED, "status_code" => status_code.to_string()).increment(1);
            metrics::histogram!(metric::JOB_RUN).record(run.as_secs_f64());
            #[allow(clippy::cast_precision_loss)]
            metrics::histogram!(metric::JOB_DELIVERIES).record(delivery.number as f64);
            #[allow(clippy::cast_precision_loss)]
            metrics::histogram!(metric::ETA_ERROR).record(eta_error_ms.unsigned_abs() as f64 / 1_000.0);
            let since_accept_ms = ended_ms.saturating_sub(delivery.accepted_ms);
            let reason = Some(outcome.reason()).filter(|reason| !reason.is_empty());
            tracing::info!(
                status_code,
                reason,
                channel = attempt.channel,
                tries = attempt.number,
                since_accept_ms,
                run_ms = crate::domain::clock::millis(run),
                delivery = delivery.number,
                "job ended"
            );
        }
        Finished::Before => {
            tracing::info!("job had ended before");
        }
        Finished::Lost => {
            static THROTTLE: LogThrottle = LogThrottle::new();
            if let Some(suppressed) = THROTTLE.allow() {
                tracing::warn!(status_code, suppressed, "finish refused: delivery lost");
            }
        }
    }
}
