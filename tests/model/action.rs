//! The actions that may come next.

use std::fmt;

use crate::world::{Gateway, HORIZON_MS, LONGEST_PAUSE, LONGEST_RUN, Pause, RunStage, SLOTS, Worker, World};

/// An action of any actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The client of this approval sends a request; `again`: the API repeats the call whose answer was lost.
    Request {
        approval: usize,
        again: bool,
    },
    Fetch(usize),
    Beat(usize),
    Sweep(usize),
    /// The worker begins the runs of what it took over.
    Begin(usize),
    Recover(usize),
    /// A worker takes one step in one of its runs.
    Run(usize, usize, Step),
    Promote,
    Audit,
    /// An operator pauses the queue, and later resumes it.
    Pause,
    Resume,
    /// A worker checks whether the queue is paused.
    Look(usize),
    Cancel(usize),
    RetryNow(usize),
    Tick,
    Die(usize),
    Stop(usize),
    Continue(usize),
    /// Redis' clock is set by this many seconds.
    Clock(i64),
    /// A replica is promoted that has seen this many of the writes since the last confirmed one.
    FailOver(usize),
    Fill,
    Free,
}

/// A step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The registry's answer means that nothing may be sent.
    Refuse,
    /// The registry does not answer.
    Postpone,
    RequestPermit,
    AbandonPermit,
    Submit(Gateway),
    Hear,
    Settle,
    Write,
    HandBack,
    Crash,
}

/// Steps of the clock, in seconds.
const CLOCK: [i64; 5] = [31, -31, 60, -60, -7_200];

impl Action {
    /// Every action possible in this world.
    pub(crate) fn all(world: &World) -> Vec<Self> {
        let mut all = Vec::new();
        (0..world.workers.len()).for_each(|worker| worker_actions(world, worker, &mut all));
        for (approval, asked) in world.approvals.iter().enumerate() {
            let may_ask = asked.requests == 0 || asked.unheard.is_some() || world.budget.repeats > 0;
            all.extend(may_ask.then_some(Self::Request { approval, again: false }));
            all.extend(asked.unheard.is_some().then_some(Self::Request { approval, again: true }));
        }
        let is_anybody_there = world.workers.iter().any(|worker| !worker.is_stopped);
        if is_anybody_there {
            all.extend((world.store.scheduled() > 0).then_some(Self::Promote));
            all.extend(world.has_orphaned_job().then_some(Self::Audit));
        }
        if world.budget.operator_actions > 0 {
            for (job, _) in world.jobs.iter().enumerate().filter(|(_, job)| job.end.is_none()) {
                all.extend([Self::Cancel(job), Self::RetryNow(job)]);
            }
        }
        let is_off = world.pause == Pause::Off;
        all.extend((is_off && world.budget.pauses > 0).then_some(Self::Pause));
        all.extend((!is_off).then_some(Self::Resume));
        all.extend(may_tick(world).then_some(Self::Tick));
        all.extend(world.is_full.then_some(Self::Free));
        if world.budget.faults > 0 && !world.jobs.is_empty() {
            faults(world, &mut all);
        }
        all
    }

    /// Whether it counts as a fault.
    pub(crate) fn is_fault(self) -> bool {
        matches!(self, Self::Die(_) | Self::Stop(_) | Self::Clock(_) | Self::FailOver(_) | Self::Fill)
    }
}

fn worker_actions(world: &World, number: usize, all: &mut Vec<Action>) {
    let worker = &world.workers[number];
    if worker.is_stopped {
        return all.push(Action::Continue(number));
    }
    if !worker.taken.is_empty() {
        all.push(Action::Begin(number));
    }
    all.extend((worker.view.is_paused != world.store.is_paused()).then_some(Action::Look(number)));
    let (held, in_hand) = (world.store.pending_of(&worker.name), worker.runs.len() + worker.taken.len());
    let has_room = in_hand < SLOTS;
    let takes = has_room && !worker.view.is_paused;
    all.extend((takes && world.store.waiting() > 0).then_some(Action::Fetch(number)));
    let is_swept = worker.unsettled == 0 && world.store.pending() > 0;
    let beats = !worker.runs.is_empty() && (worker.is_beat_due || is_swept && !worker.may_sweep);
    all.extend(beats.then_some(Action::Beat(number)));
    all.extend(
        (is_swept && worker.taken.is_empty() && (worker.may_sweep || worker.runs.is_empty()) && takes)
            .then_some(Action::Sweep(number)),
    );
    all.extend((held > in_hand && worker.taken.is_empty()).then_some(Action::Recover(number)));
    for (index, run) in worker.runs.iter().enumerate() {
        let mut add = |step| all.push(Action::Run(number, index, step));
        match &run.stage {
            RunStage::Fetched => {
                add(Step::RequestPermit);
                if world.budget.stops > 0 {
                    [Step::Refuse, Step::Postpone, Step::HandBack, Step::Crash].into_iter().for_each(add);
                }
            }
            RunStage::PermitUnanswered => {
                [Step::RequestPermit, Step::AbandonPermit].into_iter().for_each(add);
            }
            RunStage::Permitted { is_fresh: false, .. } => add(Step::AbandonPermit),
            RunStage::Permitted { permit, .. } if permit.offered.is_none() => {
                add(Step::Submit(Gateway::Takes));
            }
            RunStage::Permitted { .. } if world.budget.odd_answers == 0 => add(Step::Submit(Gateway::Takes)),
            RunStage::Permitted { .. } => {
                for gateway in Gateway::ALL {
                    add(Step::Submit(gateway));
                }
            }
            RunStage::HandedOver { .. } => add(Step::Hear),
            RunStage::Settling { .. } => add(Step::Settle),
            RunStage::Settled(_) => add(Step::Write),
        }
    }
}

/// Whether time may pass: every live worker renews in time, and no run takes longer than allowed. If a worker has
/// something to do, the tick costs a delay; no actor waits for ever.
fn may_tick(world: &World) -> bool {
    let is_idle = world.is_done() && world.workers.iter().all(|worker| worker.runs.is_empty());
    let is_prompt = |worker: &Worker| {
        worker.is_stopped
            || worker.taken.is_empty()
                && (!worker.is_beat_due || worker.runs.is_empty())
                && worker.runs.iter().all(|run| run.ticks < LONGEST_RUN || world.is_full)
    };
    let is_in_time = world.workers.iter().all(is_prompt) && world.now_ms < HORIZON_MS;
    let is_in_time = is_in_time && world.pause.ticks() < LONGEST_PAUSE;
    !world.jobs.is_empty() && !is_idle && is_in_time && (!world.is_worker_busy() || world.budget.delays > 0)
}

fn faults(world: &World, all: &mut Vec<Action>) {
    if world.budget.is_back_only {
        return all.push(Action::Clock(-7_200));
    }
    for (number, worker) in world.workers.iter().enumerate() {
        let is_busy = world.store.pending_of(&worker.name) + worker.runs.len() > 0;
        if is_busy && !worker.is_stopped {
            all.extend([Action::Die(number), Action::Stop(number)]);
        }
    }
    all.extend(CLOCK.map(Action::Clock));
    all.extend((0..world.unconfirmed.len().saturating_sub(1)).map(Action::FailOver));
    all.extend((!world.is_full).then_some(Action::Fill));
}

impl World {
    /// Whether a live worker has something to do at once, or all workers are stopped.
    pub(crate) fn is_worker_busy(&self) -> bool {
        let waits = self.store.waiting() > 0;
        let is_at_work = |worker: &Worker| {
            let in_hand = worker.runs.len() + worker.taken.len();
            let is_given = self.store.pending_of(&worker.name) > in_hand;
            // A worker that knows of a pause takes nothing until it has read that the pause is over.
            let may_take = !(worker.view.is_paused && self.store.is_paused()) && in_hand < SLOTS;
            !worker.is_stopped && (in_hand > 0 && !self.is_full || waits && may_take || is_given)
        };
        self.workers.iter().any(is_at_work) || self.workers.iter().all(|worker| worker.is_stopped)
    }

    /// Whether a live job is missing from the queue, so that the audit has something to do.
    fn has_orphaned_job(&self) -> bool {
        let in_queue = self.store.waiting() + self.store.pending() + self.store.scheduled();
        self.jobs.iter().filter(|job| job.end.is_none() && !job.is_gone).count() > in_queue
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Request { approval, again: false } => {
                write!(f, "a client asks for approval {}", approval + 1)
            }
            Self::Request { approval, again: true } => {
                write!(f, "the API asks again for approval {}", approval + 1)
            }
            Self::Fetch(worker) => write!(f, "worker {} fetches", worker + 1),
            Self::Beat(worker) => write!(f, "worker {} renews what it holds", worker + 1),
            Self::Begin(worker) => write!(f, "worker {} begins to run what it took over", worker + 1),
            Self::Sweep(worker) => write!(f, "worker {} sweeps", worker + 1),
            Self::Recover(worker) => {
                write!(f, "worker {} looks for what it was given and did not hear of", worker + 1)
            }
            Self::Run(worker, _, step) => write!(f, "worker {} {step}", worker + 1),
            Self::Promote => write!(f, "what is due is promoted"),
            Self::Audit => write!(f, "the auditor looks"),
            Self::Pause => write!(f, "an operator pauses the queue"),
            Self::Resume => write!(f, "an operator lets the workers take jobs again"),
            Self::Look(worker) => write!(f, "worker {} looks whether the queue is paused", worker + 1),
            Self::Cancel(job) => write!(f, "an operator cancels job {}", job + 1),
            Self::RetryNow(job) => write!(f, "an operator retries job {} now", job + 1),
            Self::Tick => write!(f, "10 s go by"),
            Self::Die(worker) => write!(f, "FAULT: worker {} dies, and another is started", worker + 1),
            Self::Stop(worker) => write!(f, "FAULT: worker {} stands still", worker + 1),
            Self::Continue(worker) => write!(f, "worker {} goes on", worker + 1),
            Self::Clock(seconds) => write!(f, "FAULT: Redis' clock is set by {seconds:+} s"),
            Self::FailOver(seen) => {
                write!(f, "FAULT: a replica is promoted that saw {seen} of the unconfirmed writes")
            }
            Self::Fill => write!(f, "FAULT: Redis' memory is full"),
            Self::Free => write!(f, "Redis has memory again"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => write!(f, "learns from the registry that nothing is to be sent"),
            Self::Postpone => write!(f, "gets no answer from the registry"),
            Self::RequestPermit => write!(f, "asks for leave to send"),
            Self::AbandonPermit => write!(f, "gives its leave up"),
            Self::Submit(Gateway::Takes) => write!(f, "hands the message over: the gateway takes it"),
            Self::Submit(gateway) => write!(f, "hands the message over: the gateway {gateway:?}"),
            Self::Hear => write!(f, "hears from the gateway"),
            Self::Settle => write!(f, "writes down what the hand-over came to"),
            Self::Write => write!(f, "writes down what becomes of the job"),
            Self::HandBack => write!(f, "is asked to stop and hands the job back"),
            Self::Crash => write!(f, "panics in the run"),
        }
    }
}
