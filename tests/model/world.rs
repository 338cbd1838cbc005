//! One state of everything: Redis, the clocks, the workers, the clients and the gateway's ledger.

use std::fmt::Write as _;
use std::sync::Arc;

use shared::domain::ids::JobId;
use shared::domain::outcome::Outcome;
use shared::queue::{Delivery, SendSettlement, TakenCode};
use shared::sending::permit::SendPermit;

use crate::store::{self, Store};

/// Where the true clock begins, milliseconds since the epoch.
pub(crate) const BEGIN_MS: u64 = 1_800_000_000_000;

/// The deadline of every job.
pub(crate) const DEADLINE_MS: u64 = 40_000;

/// By then every job has ended, whatever befell.
pub(crate) const HORIZON_MS: u64 = 240_000;

/// Ticks a run may take: it is cut off before a third ends.
pub(crate) const LONGEST_RUN: u8 = 2;

/// Jobs a worker works on at once.
pub(crate) const ROOM: usize = 2;

/// Ticks after which an operator lets the workers take jobs again: every deadline has passed by then, and every lease.
pub(crate) const LONGEST_PAUSE: u8 = 5;

/// Ticks within which every living worker has renewed what it holds: half a lease and a second.
pub(crate) const SETTLED_AFTER: u8 = 2;

/// One state of everything.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Store,
    /// The states of Redis since what was confirmed last; a fail-over may lead to each.
    pub(crate) unconfirmed: Vec<Store>,
    /// Milliseconds since the beginning, by the true clock.
    pub(crate) now_ms: u64,
    /// By how much Redis' clock is wrong.
    pub(crate) wrong_ms: i64,
    pub(crate) is_full: bool,
    pub(crate) workers: Vec<Worker>,
    pub(crate) approvals: Vec<Asked>,
    pub(crate) jobs: Vec<Job>,
    /// The job whose message was taken last.
    pub(crate) on_the_phone: Option<usize>,
    pub(crate) pause: Pause,
    pub(crate) left: Budget,
}

/// What the operator knows of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Workers take jobs.
    Off,
    /// It may be paused: a reply was lost. For so many ticks.
    Unheard(u8),
    /// It is paused, for so many ticks.
    On(u8),
}

/// How much may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Faults.
    pub(crate) faults: u8,
    /// Replies that are lost.
    pub(crate) losses: u8,
    /// Messages that the gateway does not just take.
    pub(crate) odd_answers: u8,
    /// Actions of an operator.
    pub(crate) orders: u8,
    /// Pauses of the queue.
    pub(crate) pauses: u8,
    /// Requests beyond the first for each approval.
    pub(crate) repeats: u8,
    /// Runs that the registry or the worker's own stop or crash cut short.
    pub(crate) stops: u8,
    /// Ticks that go by while a living worker has something to do.
    pub(crate) delays: u8,
    /// The only fault is that Redis' clock is set back by two hours.
    pub(crate) is_back_only: bool,
}

/// A worker process.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) name: Arc<str>,
    pub(crate) is_stopped: bool,
    /// Its next heartbeat is due.
    pub(crate) is_beat_due: bool,
    /// It has just renewed what it holds, as a sweep does first.
    pub(crate) may_sweep: bool,
    pub(crate) seen: Seen,
    /// Ticks until it sweeps again, after what may have kept others from renewing.
    pub(crate) unsettled: u8,
    pub(crate) runs: Vec<Run>,
    /// What it took over, and has not begun to run.
    pub(crate) taken: Vec<Delivery>,
}

/// What a worker has read, as it does every second.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) is_paused: bool,
    /// By how much the clock was wrong.
    pub(crate) wrong_ms: i64,
}

/// A job in a worker's hands.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) delivery: Delivery,
    pub(crate) at: At,
    pub(crate) ticks: u8,
    /// Its worker has learnt that the lease is lost; what is decided may yet be written.
    pub(crate) is_lost: bool,
}

/// How far a run has come.
#[derive(Clone)]
pub(crate) enum At {
    Fetched,
    /// Leave was asked for, and no answer came.
    LeaveUnheard,
    /// Leave was given; `is_fresh` while a submit may begin.
    Permitted {
        permit: Arc<SendPermit>,
        is_fresh: bool,
    },
    /// The message was handed over.
    HandedOver {
        permit: Arc<SendPermit>,
        gateway: Gateway,
    },
    /// What the hand-over came to is to be written, and then the rest.
    Settling {
        settlement: SendSettlement,
        then: Verdict,
    },
    Settled(Verdict),
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    End(Outcome),
    /// A gateway took the message with this code.
    Sent(TakenCode),
    RetryLater {
        otherwise: Outcome,
    },
}

/// What a gateway does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gateway {
    /// Takes it and says so.
    Takes,
    /// 429: not taken.
    Busy,
    /// 4xx: not taken.
    Rejects,
    /// 503 with a time, and did not take it.
    Defers,
    /// 503 with a time, and took it.
    TakesAndDefers,
    /// 500, cut or silence, and did not take it.
    Fails,
    /// 500, cut or silence, and took it.
    TakesAndFails,
}

/// What the client of an approval was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Requests so far.
    pub(crate) requests: u8,
    /// The request whose answer did not come.
    pub(crate) unheard: Option<JobId>,
    /// Jobs it was given a 202 for.
    pub(crate) accepted: Vec<JobId>,
}

/// A job that was stored.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// The approval it is about.
    pub(crate) approval: usize,
    /// No message begins after this, by the true clock.
    pub(crate) deadline_ms: u64,
    /// When Redis' clock will show its deadline, by the true clock: later where that clock was set back.
    pub(crate) deadline_shown_ms: i64,
    /// The code of each message a gateway took.
    pub(crate) codes: Vec<String>,
    /// Of those, such as a gateway denied with a 503 and a time.
    pub(crate) denied: u8,
    /// Hand-overs whose outcome nobody knows: the gateway left it open, or the worker died or stood still.
    pub(crate) left_open: u8,
    /// Runs that were given leave: consumer, entry and number.
    pub(crate) granted: Vec<(Arc<str>, String, u64)>,
    /// How it ended: status code and result.
    pub(crate) end: Option<(u16, String)>,
    /// A fail-over threw it away before anybody was told of it.
    pub(crate) is_gone: bool,
    /// An operator was told that it is cancelled.
    pub(crate) is_cancelled: bool,
}

impl Gateway {
    pub(crate) const ALL: [Self; 7] = [
        Self::Takes,
        Self::Busy,
        Self::Rejects,
        Self::Defers,
        Self::TakesAndDefers,
        Self::Fails,
        Self::TakesAndFails,
    ];

    pub(crate) fn takes(self) -> bool {
        matches!(self, Self::Takes | Self::TakesAndDefers | Self::TakesAndFails)
    }

    /// Whether its answer is a 503 with a time.
    pub(crate) fn defers(self) -> bool {
        matches!(self, Self::Defers | Self::TakesAndDefers)
    }
}

impl Job {
    pub(crate) fn new(id: JobId, approval: usize, now_ms: u64) -> Self {
        Self {
            id,
            approval,
            deadline_ms: now_ms + DEADLINE_MS,
            deadline_shown_ms: i64::try_from(now_ms + DEADLINE_MS).unwrap_or(i64::MAX),
            codes: Vec::new(),
            denied: 0,
            left_open: 0,
            granted: Vec::new(),
            end: None,
            is_gone: false,
            is_cancelled: false,
        }
    }
}

impl Job {
    /// The last moment a message may begin, by the true clock.
    pub(crate) fn last_begin_ms(&self) -> u64 {
        self.deadline_ms.max(u64::try_from(self.deadline_shown_ms).unwrap_or(0))
    }
}

impl Pause {
    pub(crate) fn ticks(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Unheard(ticks) | Self::On(ticks) => ticks,
        }
    }

    /// The same ten seconds later.
    pub(crate) fn later(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::Unheard(ticks) => Self::Unheard(ticks + 1),
            Self::On(ticks) => Self::On(ticks + 1),
        }
    }
}

impl Worker {
    /// One that was just started: it takes nothing before it has looked whether the queue is paused.
    pub(crate) fn new(number: usize, wrong_ms: i64, is_paused: bool) -> Self {
        Self {
            name: format!("worker-{number}").into(),
            is_stopped: false,
            is_beat_due: false,
            may_sweep: false,
            seen: Seen { is_paused, wrong_ms },
            unsettled: 0,
            runs: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// What it renews: of deliveries of one entry the last.
    pub(crate) fn held(&self) -> Vec<Delivery> {
        let is_last = |(index, run): &(usize, &Run)| {
            self.runs[index + 1..].iter().all(|later| later.delivery.entry != run.delivery.entry)
        };
        self.runs.iter().enumerate().filter(is_last).map(|(_, run)| run.delivery.clone()).collect()
    }

    /// Takes what was delivered into its hands, but what is there already.
    pub(crate) fn hold(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let is_held = self.runs.iter().any(|run| {
                run.delivery.entry == delivery.entry && run.delivery.number == delivery.number && !run.is_lost
            });
            if !is_held {
                self.runs.push(Run { delivery, at: At::Fetched, ticks: 0, is_lost: false });
            }
        }
    }
}

impl World {
    pub(crate) fn new(store: Store, workers: usize, approvals: usize, left: Budget) -> Self {
        Self {
            unconfirmed: vec![store.clone()],
            store,
            now_ms: 0,
            wrong_ms: 0,
            is_full: false,
            workers: (1..=workers).map(|number| Worker::new(number, 0, false)).collect(),
            approvals: vec![Asked::default(); approvals],
            jobs: Vec::new(),
            on_the_phone: None,
            pause: Pause::Off,
            left,
        }
    }

    /// What Redis' clock shows, milliseconds since the epoch.
    pub(crate) fn redis_ms(&self) -> u64 {
        self.clock_wrong_by(self.wrong_ms)
    }

    /// What it would show if it were wrong by so much.
    pub(crate) fn clock_wrong_by(&self, wrong_ms: i64) -> u64 {
        (BEGIN_MS + self.now_ms).saturating_add_signed(wrong_ms)
    }

    /// Whether nothing is left to be done: every request has its job, every job has ended, and nothing of them is in the queue.
    pub(crate) fn is_done(&self) -> bool {
        let all_asked = self.approvals.iter().all(|asked| asked.requests > 0 && asked.unheard.is_none());
        let is_empty = self.store.waiting() + self.store.pending() + self.store.scheduled() == 0;
        all_asked && is_empty && self.jobs.iter().all(|job| job.end.is_some() || job.is_gone)
    }

    /// The job of a delivery.
    pub(crate) fn job_of(&mut self, delivery: &Delivery) -> Option<(usize, &mut Job)> {
        self.jobs.iter_mut().enumerate().find(|(_, job)| job.id == delivery.message.job)
    }

    /// Puts down the state Redis is in now; where it is confirmed, no fail-over leads back behind it.
    pub(crate) fn set_store(&mut self, store: Store, is_confirmed: bool) {
        if is_confirmed {
            self.unconfirmed.clear();
        }
        if self.unconfirmed.last().is_none_or(|last| last.marks() != store.marks()) {
            self.unconfirmed.push(store.clone());
        }
        self.store = store;
    }

    /// What the workers are called.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.workers.iter().map(|worker| &*worker.name).collect()
    }

    /// The same for states from which the same can happen: which worker is the first makes no difference.
    pub(crate) fn mark(&self) -> u128 {
        let Self { left, is_full, on_the_phone, pause, approvals, .. } = self;
        let mut common = format!("{left:?} {is_full} {on_the_phone:?} {pause:?} {approvals:?}");
        for job in &self.jobs {
            let end =
                job.end.as_ref().map(|(status, result)| (status, store::relative(result, self.redis_ms())));
            let left = job.last_begin_ms().saturating_sub(self.now_ms);
            let Job { id, codes, denied, left_open, granted, is_gone, is_cancelled, .. } = job;
            let (codes, granted) = (codes.len(), granted.len());
            let _ = write!(
                common,
                "{id} {left} {codes} {denied} {left_open} {granted} {end:?} {is_gone} {is_cancelled}"
            );
        }
        let mut workers = self.workers.iter().map(|worker| self.text_of(worker)).collect::<Vec<_>>();
        let one_way = self.mark_with(&common, &workers, 0);
        workers.reverse();
        one_way.min(self.mark_with(&common, &workers, 1))
    }

    fn mark_with(&self, common: &str, workers: &[String], way: usize) -> u128 {
        let mut text = format!("{common} {:x} {workers:?}", self.store.marks()[way]);
        if self.left.faults > 0 {
            self.unconfirmed.iter().for_each(|store| _ = write!(text, " {:x}", store.marks()[way]));
        }
        store::mark(&text)
    }

    fn text_of(&self, worker: &Worker) -> String {
        let mut text = String::new();
        let Worker {
            is_stopped, is_beat_due, may_sweep, unsettled, seen: Seen { is_paused, wrong_ms }, ..
        } = worker;
        let seen = self.wrong_ms - wrong_ms;
        let _ = write!(text, "{is_stopped} {is_beat_due} {may_sweep} {is_paused} {seen} {unsettled}");
        for taken in &worker.taken {
            let entry = store::relative(&taken.entry, self.redis_ms());
            let _ = write!(text, "[{} {entry} {}]", taken.message.job, taken.number);
        }
        for run in &worker.runs {
            let entry = store::relative(&run.delivery.entry, self.redis_ms());
            let Run { delivery, ticks, is_lost, .. } = run;
            let _ = write!(text, "({} {entry} {} {ticks} {is_lost} ", delivery.message.job, delivery.number);
            let permit =
                |permit: &SendPermit| (permit.is_last(), permit.believed_left(), permit.offered.is_some());
            let _ = match &run.at {
                At::Fetched => write!(text, "fetched"),
                At::LeaveUnheard => write!(text, "unheard"),
                At::Permitted { permit: of, is_fresh } => write!(text, "leave {:?} {is_fresh}", permit(of)),
                At::HandedOver { permit: of, gateway } => {
                    write!(text, "gateway {:?} {gateway:?}", permit(of))
                }
                At::Settling { settlement, then } => {
                    let settlement = store::relative(&format!("{settlement:?}"), self.redis_ms());
                    let settlement = settlement.replace(&*worker.name, "@");
                    write!(text, "settling {settlement} {then:?}")
                }
                At::Settled(verdict) => write!(text, "settled {verdict:?}"),
            };
        }
        text
    }
}
