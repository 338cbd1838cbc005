//! One state of the whole model: Redis, the clocks, the workers, the clients and the gateway's ledger.

use std::fmt::Write as _;
use std::sync::Arc;

use shared::domain::ids::JobId;
use shared::domain::outcome::Outcome;
use shared::queue::{Delivery, SendSettlement, TakenCode};
use shared::sending::permit::SendPermit;

use crate::store::{self, Store};

/// Start of the true clock, milliseconds since the epoch.
pub(crate) const BEGIN_MS: u64 = 1_800_000_000_000;

/// The deadline of every job.
pub(crate) const DEADLINE_MS: u64 = 40_000;

/// By this time every job has ended, whatever happened.
pub(crate) const HORIZON_MS: u64 = 240_000;

/// Most ticks of a run: it is cut off before a third ends.
pub(crate) const LONGEST_RUN: u8 = 2;

/// Jobs a worker works on at once.
pub(crate) const SLOTS: usize = 2;

/// Ticks after which an operator resumes the queue: by then every deadline and every lease has passed.
pub(crate) const LONGEST_PAUSE: u8 = 5;

/// Ticks within which every live worker has renewed its leases: half a lease and a second.
pub(crate) const SETTLED_AFTER: u8 = 2;

/// One state of the whole model.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Store,
    /// The states of Redis since the last confirmed write; a fail-over may lead to any of them.
    pub(crate) unconfirmed: Vec<Store>,
    /// Milliseconds since the beginning, by the true clock.
    pub(crate) now_ms: u64,
    /// The error of Redis' clock.
    pub(crate) wrong_ms: i64,
    pub(crate) is_full: bool,
    pub(crate) workers: Vec<Worker>,
    pub(crate) approvals: Vec<ClientView>,
    pub(crate) jobs: Vec<Job>,
    /// The job whose message was taken last.
    pub(crate) on_the_phone: Option<usize>,
    pub(crate) pause: Pause,
    pub(crate) budget: Budget,
}

/// What the operator knows about a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// The queue is not paused.
    Off,
    /// It may be paused, because a reply was lost; for this many ticks.
    Unheard(u8),
    /// It is paused, for this many ticks.
    On(u8),
}

/// How many events of each kind may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Faults.
    pub(crate) faults: u8,
    /// Lost replies.
    pub(crate) losses: u8,
    /// Messages that the gateway answers in any other way than taking them.
    pub(crate) odd_answers: u8,
    /// Actions of an operator.
    pub(crate) operator_actions: u8,
    /// Pauses of the queue.
    pub(crate) pauses: u8,
    /// Requests beyond the first for each approval.
    pub(crate) repeats: u8,
    /// Runs that are cut short by the registry's answer, the worker's own stop, or a crash.
    pub(crate) stops: u8,
    /// Ticks that pass while a live worker has something to do.
    pub(crate) delays: u8,
    /// The only fault is that Redis' clock is set back by two hours.
    pub(crate) is_back_only: bool,
}

/// A worker process.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) name: Arc<str>,
    pub(crate) is_stopped: bool,
    /// Whether its next heartbeat is due.
    pub(crate) is_beat_due: bool,
    /// Whether it has just renewed its leases, as it does before each sweep.
    pub(crate) may_sweep: bool,
    pub(crate) view: WorkerView,
    /// Ticks until it sweeps again, after a disturbance that may have kept others from renewing.
    pub(crate) unsettled: u8,
    pub(crate) runs: Vec<Run>,
    /// What it took over and has not begun to run.
    pub(crate) taken: Vec<Delivery>,
}

/// What a worker read at its last check, which it makes every second.
#[derive(Clone, Copy)]
pub(crate) struct WorkerView {
    pub(crate) is_paused: bool,
    /// The error of Redis' clock then.
    pub(crate) wrong_ms: i64,
}

/// A job that a worker runs.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) delivery: Delivery,
    pub(crate) stage: RunStage,
    pub(crate) ticks: u8,
    /// Whether its worker knows that the lease is lost; a decided result may still be written.
    pub(crate) is_lost: bool,
}

/// The progress of a run.
#[derive(Clone)]
pub(crate) enum RunStage {
    Fetched,
    /// A permit was requested, and no answer arrived.
    PermitUnanswered,
    /// A permit was granted; `is_fresh` while a submit may begin.
    Permitted {
        permit: Arc<SendPermit>,
        is_fresh: bool,
    },
    /// The message was handed over.
    HandedOver {
        permit: Arc<SendPermit>,
        gateway: Gateway,
    },
    /// The outcome of the hand-over must be recorded, then the disposition.
    Settling {
        settlement: SendSettlement,
        then: Disposition,
    },
    Settled(Disposition),
}

/// The decision of a run.
#[derive(Clone, Debug)]
pub(crate) enum Disposition {
    End(Outcome),
    /// A gateway took the message with this code.
    Sent(TakenCode),
    RetryLater {
        otherwise: Outcome,
    },
}

/// How a gateway handles a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gateway {
    /// Takes it and confirms that.
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

/// What the client of an approval knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientView {
    /// Requests so far.
    pub(crate) requests: u8,
    /// The request whose answer was lost.
    pub(crate) unheard: Option<JobId>,
    /// Jobs that it got a 202 for.
    pub(crate) accepted: Vec<JobId>,
}

/// A job that was stored.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// Its approval.
    pub(crate) approval: usize,
    /// No message may begin after this, by the true clock.
    pub(crate) deadline_ms: u64,
    /// When Redis' clock will reach its deadline, by the true clock: later if that clock was set back.
    pub(crate) deadline_shown_ms: i64,
    /// The code of each message a gateway took.
    pub(crate) codes: Vec<String>,
    /// How many of them the gateway denied by a 503 with a time.
    pub(crate) denied: u8,
    /// Hand-overs with an unknown outcome: the gateway left it open, or the worker died or froze.
    pub(crate) left_open: u8,
    /// Runs that were granted a permit: consumer, entry and number.
    pub(crate) granted: Vec<(Arc<str>, String, u64)>,
    /// How it ended: status code and result.
    pub(crate) end: Option<(u16, String)>,
    /// Whether a fail-over lost it before anybody was told of it.
    pub(crate) is_gone: bool,
    /// Whether an operator was told that it is cancelled.
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

    /// Whether it answers with a 503 and a time.
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

    /// Ten seconds later.
    pub(crate) fn later(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::Unheard(ticks) => Self::Unheard(ticks + 1),
            Self::On(ticks) => Self::On(ticks + 1),
        }
    }
}

impl Worker {
    /// A worker that was just started: it takes nothing before it has checked for a pause.
    pub(crate) fn new(number: usize, wrong_ms: i64, is_paused: bool) -> Self {
        Self {
            name: format!("worker-{number}").into(),
            is_stopped: false,
            is_beat_due: false,
            may_sweep: false,
            view: WorkerView { is_paused, wrong_ms },
            unsettled: 0,
            runs: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// The leases that it renews: of several deliveries of one entry, only the last.
    pub(crate) fn held(&self) -> Vec<Delivery> {
        let is_last = |(index, run): &(usize, &Run)| {
            self.runs[index + 1..].iter().all(|later| later.delivery.entry != run.delivery.entry)
        };
        self.runs.iter().enumerate().filter(is_last).map(|(_, run)| run.delivery.clone()).collect()
    }

    /// Starts runs for these deliveries, unless they are running already.
    pub(crate) fn hold(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let is_held = self.runs.iter().any(|run| {
                run.delivery.entry == delivery.entry && run.delivery.number == delivery.number && !run.is_lost
            });
            if !is_held {
                self.runs.push(Run { delivery, stage: RunStage::Fetched, ticks: 0, is_lost: false });
            }
        }
    }
}

impl World {
    pub(crate) fn new(store: Store, workers: usize, approvals: usize, budget: Budget) -> Self {
        Self {
            unconfirmed: vec![store.clone()],
            store,
            now_ms: 0,
            wrong_ms: 0,
            is_full: false,
            workers: (1..=workers).map(|number| Worker::new(number, 0, false)).collect(),
            approvals: vec![ClientView::default(); approvals],
            jobs: Vec::new(),
            on_the_phone: None,
            pause: Pause::Off,
            budget,
        }
    }

    /// What Redis' clock shows, milliseconds since the epoch.
    pub(crate) fn redis_ms(&self) -> u64 {
        self.clock_wrong_by(self.wrong_ms)
    }

    /// What it would show with this error.
    pub(crate) fn clock_wrong_by(&self, wrong_ms: i64) -> u64 {
        (BEGIN_MS + self.now_ms).saturating_add_signed(wrong_ms)
    }

    /// Whether nothing is left to do: every request has its job, every job has ended, and the queue is empty.
    pub(crate) fn is_done(&self) -> bool {
        let all_asked = self.approvals.iter().all(|asked| asked.requests > 0 && asked.unheard.is_none());
        let is_empty = self.store.waiting() + self.store.pending() + self.store.scheduled() == 0;
        all_asked && is_empty && self.jobs.iter().all(|job| job.end.is_some() || job.is_gone)
    }

    /// The job of a delivery.
    pub(crate) fn job_of(&mut self, delivery: &Delivery) -> Option<(usize, &mut Job)> {
        self.jobs.iter_mut().enumerate().find(|(_, job)| job.id == delivery.message.job)
    }

    /// Records the new state of Redis; once it is confirmed, no fail-over leads back to an earlier one.
    pub(crate) fn set_store(&mut self, store: Store, is_confirmed: bool) {
        if is_confirmed {
            self.unconfirmed.clear();
        }
        if self.unconfirmed.last().is_none_or(|last| last.digests() != store.digests()) {
            self.unconfirmed.push(store.clone());
        }
        self.store = store;
    }

    /// The names of the workers.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.workers.iter().map(|worker| &*worker.name).collect()
    }

    /// Equal for equivalent states: the order of the workers does not matter.
    pub(crate) fn digest(&self) -> u128 {
        let Self { budget, is_full, on_the_phone, pause, approvals, .. } = self;
        let mut common = format!("{budget:?} {is_full} {on_the_phone:?} {pause:?} {approvals:?}");
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
        let one_way = self.digest_with(&common, &workers, 0);
        workers.reverse();
        one_way.min(self.digest_with(&common, &workers, 1))
    }

    fn digest_with(&self, common: &str, workers: &[String], way: usize) -> u128 {
        let mut text = format!("{common} {:x} {workers:?}", self.store.digests()[way]);
        if self.budget.faults > 0 {
            self.unconfirmed.iter().for_each(|store| _ = write!(text, " {:x}", store.digests()[way]));
        }
        store::digest(&text)
    }

    fn text_of(&self, worker: &Worker) -> String {
        let mut text = String::new();
        let Worker {
            is_stopped,
            is_beat_due,
            may_sweep,
            unsettled,
            view: WorkerView { is_paused, wrong_ms },
            ..
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
            let permit = |permit: &SendPermit| {
                let offered = permit.offered.as_ref().map(|code| code.offered_ms().cast_signed());
                let ago = offered.map(|at| at - self.redis_ms().cast_signed());
                (permit.is_last(), permit.believed_left(), ago)
            };
            let _ = match &run.stage {
                RunStage::Fetched => write!(text, "fetched"),
                RunStage::PermitUnanswered => write!(text, "unheard"),
                RunStage::Permitted { permit: of, is_fresh } => {
                    write!(text, "leave {:?} {is_fresh}", permit(of))
                }
                RunStage::HandedOver { permit: of, gateway } => {
                    write!(text, "gateway {:?} {gateway:?}", permit(of))
                }
                RunStage::Settling { settlement, then } => {
                    let settlement = store::relative(&format!("{settlement:?}"), self.redis_ms());
                    let settlement = settlement.replace(&*worker.name, "@");
                    write!(text, "settling {settlement} {then:?}")
                }
                RunStage::Settled(verdict) => {
                    write!(text, "settled {}", store::relative(&format!("{verdict:?}"), self.redis_ms()))
                }
            };
        }
        text
    }
}
