//! Waiting for jobs to end: one subscription for the whole process, one place for each waiting request. Nobody polls.
//!
//! Nothing is missed in this order: take a place, read the job, wait, read again. Messages published while there was no
//! subscription are made up for when it is renewed: every job that somebody waits for is read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::Pipeline;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::read::JobStore;
use crate::domain::ids::JobId;
use crate::queue::error::QueueError;
use crate::redis::{ChannelSubscription, Listener, RedisError};
use crate::runtime::backoff::Backoff;
use crate::settings::RedisConfig;

/// Waits between attempts to subscribe.
const BACKOFF: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(1));

/// Jobs read in one round trip when the subscription is renewed.
const LOOKED_AT_ONCE: usize = 500;

/// All waits for jobs in this process; clones share them.
#[derive(Clone)]
pub struct JobNotifier {
    store: JobStore,
    listener: Arc<Listener>,
    subscriptions: Arc<Subscriptions>,
}

/// A place to wait for one job at; dropping it leaves nothing behind.
pub struct Subscription {
    job: JobId,
    woken: watch::Receiver<()>,
    subscriptions: Arc<Subscriptions>,
}

#[derive(Default)]
struct Subscriptions(Mutex<HashMap<JobId, watch::Sender<()>>>);

impl JobNotifier {
    /// The notifier for jobs of this queue. Nothing is heard before `listen` runs.
    pub fn new(store: JobStore, config: &RedisConfig) -> Result<Self, RedisError> {
        let listener = Arc::new(Listener::new(config)?);
        Ok(Self { store, listener, subscriptions: Arc::default() })
    }

    /// A place to wait at. Any change of the job from now on wakes it.
    pub fn wait_for(&self, job: &JobId) -> Subscription {
        let woken = self.subscriptions.lock().entry(job.clone()).or_default().subscribe();
        Subscription { job: job.clone(), woken, subscriptions: self.subscriptions.clone() }
    }

    /// Listens until `stop` is cancelled, whatever happens to Redis.
    pub async fn listen(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.listen_for_ever()).await;
    }

    async fn listen_for_ever(&self) {
        let mut failed = 0;
        loop {
            match self.subscribe().await {
                Ok(mut subscription) => {
                    if failed > 0 {
                        tracing::info!(attempts = failed + 1, "job-completion subscription restored");
                    }
                    failed = 0;
                    subscription.lost().await;
                }
                // Logged when the state changes, not for every attempt.
                Err(error) if failed == 0 => {
                    tracing::warn!(%error, "job-completion subscription lost, reconnecting");
                }
                Err(_) => {}
            }
            sleep(BACKOFF.wait(failed)).await;
            failed += 1;
        }
    }

    /// Listens from now on, and makes up for what was published before.
    async fn subscribe(&self) -> Result<ChannelSubscription, QueueError> {
        let channels = [self.store.core.keys.ended()];
        let subscriptions = self.subscriptions.clone();
        let subscription =
            self.listener.subscribe(&channels, move |job| subscriptions.wake_named(job)).await?;
        self.wake_ended().await?;
        Ok(subscription)
    }

    async fn wake_ended(&self) -> Result<(), QueueError> {
        let keys = &self.store.core.keys;
        for jobs in self.subscriptions.jobs().chunks(LOOKED_AT_ONCE) {
            let mut ask = Pipeline::with_capacity(jobs.len());
            for job in jobs {
                ask.cmd("HGET").arg(keys.job(job)).arg("status");
            }
            let ended: Vec<Option<u16>> = self.store.core.redis.pipeline(&ask).await?;
            let woken = jobs.iter().zip(ended).filter(|(_, ended)| ended.is_some());
            woken.for_each(|(job, _)| self.subscriptions.wake(job));
        }
        Ok(())
    }
}

impl Subscription {
    /// Completes on a change of the job since the place was taken, or since this last completed.
    pub async fn woken(&mut self) {
        // `self` keeps the other end alive.
        drop(self.woken.changed().await);
    }

    /// Removes the subscription under the lock: of two that end at once, each would otherwise still count the other.
    fn leave(&mut self) {
        let mut subscriptions = self.subscriptions.lock();
        self.woken = watch::channel(()).1;
        if subscriptions.get(&self.job).is_some_and(|place| place.receiver_count() == 0) {
            subscriptions.remove(&self.job);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Subscriptions {
    /// A message lists ids of jobs; anything else in it is ignored.
    fn wake_named(&self, jobs: &[u8]) {
        let jobs = std::str::from_utf8(jobs).unwrap_or_default();
        jobs.split(' ').filter_map(|job| job.parse().ok()).for_each(|job| self.wake(&job));
    }

    fn wake(&self, job: &JobId) {
        if let Some(place) = self.lock().get(job) {
            place.send_replace(());
        }
    }

    fn jobs(&self) -> Vec<JobId> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::queue::Queue;
    use crate::redis::Redis;
    use crate::settings::{QueueConfig, Settings};

    fn waiters() -> JobNotifier {
        let settings = Settings::from_pairs([("RESEND_REDIS_URL", "redis://127.0.0.1:1/0")]).unwrap();
        let config = RedisConfig::from_settings(&settings).unwrap();
        let queue = QueueConfig::from_settings(&settings).unwrap();
        JobNotifier::new(Queue::new(Redis::new(&config).unwrap(), queue).job_store().clone(), &config)
            .unwrap()
    }

    #[test]
    fn a_message_wakes_all_who_wait_for_its_job_and_nobody_else() {
        let waiters = waiters();
        let (job, other) = (JobId::generate(), JobId::generate());
        let mut waiting = [&job, &job, &other].map(|job| waiters.wait_for(job));
        waiters.subscriptions.wake_named(format!("{} {job}", JobId::generate()).as_bytes());
        waiters.subscriptions.wake_named(b"\xff not an id");
        let woken = waiting.each_mut().map(|waiter| waiter.woken().now_or_never().is_some());
        assert_eq!(woken, [true, true, false]);
        assert!(waiting[0].woken().now_or_never().is_none(), "once for each message");
    }

    #[test]
    fn a_message_between_taking_a_place_and_waiting_is_not_missed() {
        let waiters = waiters();
        let job = JobId::generate();
        let mut waiter = waiters.wait_for(&job);
        waiters.subscriptions.wake(&job);
        assert!(waiter.woken().now_or_never().is_some());
    }

    #[test]
    fn who_left_leaves_nothing_behind() {
        let waiters = waiters();
        let job = JobId::generate();
        let two = (waiters.wait_for(&job), waiters.wait_for(&job));
        drop(two.0);
        assert_eq!(waiters.subscriptions.jobs(), [job]);
        drop(two.1);
        assert!(waiters.subscriptions.lock().is_empty());
    }

    #[test]
    fn of_two_who_leave_at_once_neither_takes_the_other_for_still_there() {
        let waiters = waiters();
        let job = JobId::generate();
        let mut two = [waiters.wait_for(&job), waiters.wait_for(&job)];
        // Both have left before either is gone.
        two.iter_mut().for_each(Subscription::leave);
        assert!(waiters.subscriptions.lock().is_empty());
    }
}
