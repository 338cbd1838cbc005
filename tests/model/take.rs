//! What an action makes of a world: one world where its reply is heard, one where the reply is lost.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::ids::{ApprovalId, JobId, PatientId};
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{Delivery, Enqueued, NewJob, PutBack, QueueError, Sweeper};
use shared::sending::guard::SendDecision;
use shared::sending::permit::SendPermit;
use uuid::Uuid;

use crate::action::{Action, Step};
use crate::rig::Rig;
use crate::store::Store;
use crate::world::{At, DEADLINE_MS, Gateway, Job, ROOM, Run, SETTLED_AFTER, Verdict, Worker, World};

/// How long a job that is put back waits.
const WAIT: Duration = Duration::from_secs(5);

/// The parts of a tick, each shorter than the silence after which nobody counts as heard of.
const ANNOUNCED_AFTER_MS: [u64; 3] = [4_000, 4_000, 2_000];

/// By how much a worker lets Redis' clock run ahead of its own.
const TOLERANCE_MS: u64 = 7_500;

/// A delivery with this number is the last.
const LAST_DELIVERY: u64 = 3;

/// One way an action may go.
pub(crate) struct Next {
    pub(crate) world: World,
    /// Whether the actor heard the reply.
    pub(crate) heard: bool,
    /// What was answered, in words.
    pub(crate) answer: String,
    /// What does not hold.
    pub(crate) broken: Option<String>,
}

/// Both ways of one call of Redis.
struct Call<'a> {
    world: &'a World,
    store: Store,
    is_confirmed: bool,
    answer: String,
    /// Redis refused it: the actor knows that nothing is known.
    is_refused: bool,
}

impl<'a> Call<'a> {
    fn new<T: std::fmt::Debug, E: std::fmt::Display>(
        world: &'a World,
        (result, store): (&Result<T, E>, Store),
    ) -> Self {
        let answer = match result {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!("refused: {error}"),
        };
        Self { world, store, is_confirmed: false, answer, is_refused: result.is_err() }
    }

    fn confirmed(self) -> Self {
        Self { is_confirmed: true, ..self }
    }

    fn saying(self, answer: impl Into<String>) -> Self {
        if self.is_refused { self } else { Self { answer: answer.into(), ..self } }
    }

    fn next(&self, heard: bool, change: impl FnOnce(&mut World)) -> Next {
        let mut world = self.world.clone();
        world.set_store(self.store.clone(), self.is_confirmed && heard);
        change(&mut world);
        Next { world, heard, answer: self.answer.clone(), broken: None }
    }

    /// `known` changes what is so whether or not the reply comes.
    fn both(
        self,
        known: impl Fn(&mut World),
        heard: impl FnOnce(&mut World),
        unheard: impl FnOnce(&mut World),
    ) -> Vec<Next> {
        let mut all = Vec::with_capacity(2);
        if !self.is_refused {
            all.push(self.next(true, |world| {
                known(world);
                heard(world);
            }));
        }
        if self.is_refused || self.world.left.losses > 0 {
            all.push(self.next(false, |world| {
                world.left.losses -= u8::from(!self.is_refused);
                known(world);
                unheard(world);
            }));
        }
        all
    }

    /// Where nobody waits for the reply.
    fn alone(self, change: impl FnOnce(&mut World)) -> Vec<Next> {
        vec![self.next(true, change)]
    }
}

/// Every way this action may go.
pub(crate) async fn take(rig: &mut Rig, world: &World, action: Action) -> Vec<Next> {
    match action {
        Action::Request { approval, again } => request(rig, world, approval, again).await,
        Action::Fetch(number) => {
            let worker = &world.workers[number];
            let room = ROOM - worker.runs.len() - worker.taken.len();
            let (read, store) =
                rig.step(world, async |rig| rig.queue.deliveries().read_now(&worker.name, room).await).await;
            given(world, number, &read, store)
        }
        Action::Recover(number) => {
            let (worker, held) = (&world.workers[number], world.workers[number].held());
            let (read, store) =
                rig.step(world, async |rig| rig.queue.deliveries().read_own(&worker.name, &held).await).await;
            given(world, number, &read, store)
        }
        Action::Beat(number) => beat(rig, world, number).await,
        Action::Sweep(number) => sweep(rig, world, number).await,
        Action::Begin(number) => begin(rig, world, number).await,
        Action::Tick => tick(rig, world).await,
        Action::Run(worker, run, step) => of_run(rig, world, (worker, run), step).await,
        Action::Promote => {
            let (done, store) =
                rig.step(world, async |rig| rig.queue.deliveries().promote_once().await).await;
            Call::new(world, (&done, store)).alone(|_| {})
        }
        Action::Audit => {
            let (done, store) = rig.step(world, async |rig| rig.queue.deliveries().audit_once().await).await;
            Call::new(world, (&done, store)).alone(|_| {})
        }
        Action::Cancel(job) => {
            let id = &world.jobs[job].id;
            let (done, store) = rig.step(world, async |rig| rig.queue.operator().cancel(id).await).await;
            Call::new(world, (&done, store)).alone(|world| world.left.orders -= 1)
        }
        Action::RetryNow(job) => {
            let id = &world.jobs[job].id;
            let (done, store) = rig.step(world, async |rig| rig.queue.operator().retry_now(id).await).await;
            Call::new(world, (&done, store)).alone(|world| world.left.orders -= 1)
        }
        _ => {
            let mut world = world.clone();
            befall(&mut world, action);
            world.left.faults -= u8::from(action.is_fault());
            let store = rig.look(&world).await;
            world.set_store(store, false);
            if matches!(action, Action::FailOver(_)) {
                forget(rig, &mut world).await;
            }
            vec![Next { world, heard: true, answer: String::new(), broken: None }]
        }
    }
}

/// What a fail-over threw away was confirmed to nobody.
async fn forget(rig: &mut Rig, world: &mut World) {
    for index in 0..world.jobs.len() {
        let Some(view) = rig.job(world, &world.jobs[index].id.clone()).await else { continue };
        let handed = usize::try_from(view.handed).unwrap_or(usize::MAX);
        let job = &mut world.jobs[index];
        job.granted.truncate(handed);
        job.end = view.end;
    }
}

/// What happens without any call of ours.
fn befall(world: &mut World, action: Action) {
    match action {
        Action::Die(number) => {
            blame(world, number);
            let dead = world.workers.iter().filter_map(|worker| worker.name.rsplit('-').next()?.parse().ok());
            let next = dead.max().unwrap_or(0) + 1;
            world.workers[number] = Worker::new(next, world.wrong_ms);
        }
        Action::Stop(number) => {
            blame(world, number);
            world.workers[number].is_stopped = true;
        }
        Action::Continue(number) => world.workers[number].is_stopped = false,
        Action::Clock(seconds) => {
            // Steps are seconds apart, and the living read the clock every second: they have seen the one before.
            let wrong_ms = world.wrong_ms;
            let living = world.workers.iter_mut().filter(|worker| !worker.is_stopped);
            living.for_each(|worker| worker.seen_wrong_ms = wrong_ms);
            world.wrong_ms += seconds * 1_000;
            world.jobs.iter_mut().for_each(|job| job.deadline_shown_ms -= seconds * 1_000);
        }
        Action::FailOver(seen) => {
            world.store = world.unconfirmed[seen].clone();
            world.unconfirmed.truncate(seen + 1);
            world.workers.iter_mut().for_each(|worker| worker.unsettled = SETTLED_AFTER);
        }
        Action::Fill => world.is_full = true,
        Action::Free => world.is_full = false,
        _ => {}
    }
}

/// Ten seconds go by. Living workers announce themselves every second, which is confirmed and all before it; here one does so
/// often enough for the fleet to be heard of.
async fn tick(rig: &mut Rig, world: &World) -> Vec<Next> {
    let mut world = world.clone();
    world.left.delays -= u8::from(world.is_anybody_at_work());
    let living = world.workers.iter().find(|worker| !worker.is_stopped).map(|worker| worker.name.clone());
    for part_ms in ANNOUNCED_AFTER_MS {
        world.now_ms += part_ms;
        if let Some(name) = &living {
            let (said, store) =
                rig.step(&world, async |rig| rig.queue.deliveries().announce_once(name).await).await;
            world.set_store(store, said.is_ok());
        }
    }
    if living.is_none() {
        let store = rig.look(&world).await;
        world.set_store(store, false);
    }
    time_is_noticed(&mut world);
    vec![Next { world, heard: true, answer: String::new(), broken: None }]
}

fn time_is_noticed(world: &mut World) {
    let wrong_ms = world.wrong_ms;
    for worker in &mut world.workers {
        worker.unsettled = worker.unsettled.saturating_sub(1);
        if !worker.is_stopped {
            worker.may_sweep = false;
            if wrong_ms - worker.seen_wrong_ms > i64::try_from(TOLERANCE_MS).unwrap_or(0) {
                worker.unsettled = SETTLED_AFTER;
            }
            worker.seen_wrong_ms = wrong_ms;
        }
        worker.is_beat_due = true;
        for run in &mut worker.runs {
            run.ticks = run.ticks.saturating_add(1).min(3);
            if let At::Permitted { is_fresh, .. } = &mut run.at {
                *is_fresh = false;
            }
        }
    }
}

/// Of what this worker was at, nobody may ever know what became.
fn blame(world: &mut World, number: usize) {
    let runs = world.workers[number].runs.clone();
    for delivery in runs.iter().map(|run| &run.delivery) {
        if let Some((_, job)) = world.job_of(delivery) {
            job.left_open += u8::from(job.granted.contains(&name_of(delivery)));
        }
    }
}

async fn request(rig: &mut Rig, world: &World, approval: usize, again: bool) -> Vec<Next> {
    let asked = &world.approvals[approval];
    let number = asked.requests + u8::from(!again);
    let fresh = || format!("{:_<21}", format!("approval-{approval}-{number}")).parse().expect("a job id");
    let id: JobId = if again { asked.unheard.clone().unwrap_or_else(fresh) } else { fresh() };
    let new = NewJob {
        patient: PatientId(Uuid::from_u128(1)),
        approval: ApprovalId(Uuid::from_u128(10 + approval as u128)),
        client: "clinic".parse().expect("a client"),
        request: "request".parse().expect("a request id"),
        trace: None,
        idempotency: None,
    };
    let (result, store) = rig
        .step(world, async |rig| rig.queue.producer().enqueue_under(id.clone(), &new, &rig.limits).await)
        .await;
    let is_new = matches!(result, Ok(Enqueued::Accepted(_)));
    let ticket = match &result {
        Ok(Enqueued::Accepted(ticket) | Enqueued::Live(ticket) | Enqueued::Replayed(ticket)) => {
            Some(ticket.job.clone())
        }
        _ => None,
    };
    let summary = match &result {
        Ok(Enqueued::Accepted(ticket)) => {
            format!("accepted as {}", ticket.job.as_str().trim_end_matches('_'))
        }
        Ok(Enqueued::Live(ticket)) => format!("{} is live", ticket.job.as_str().trim_end_matches('_')),
        other => format!("{other:?}"),
    };
    let known = |world: &mut World| {
        let asked = &mut world.approvals[approval];
        if !again {
            world.left.repeats -= u8::from(asked.requests > 0 && asked.unheard.is_none());
            asked.requests = number;
        }
        let stored = world.jobs.iter_mut().find(|job| job.id == id);
        match stored {
            Some(job) => job.is_gone &= !is_new,
            None if is_new => world.jobs.push(Job::new(id.clone(), approval, world.now_ms)),
            None => {}
        }
    };
    let heard = |world: &mut World| {
        world.approvals[approval].unheard = None;
        if let Some(job) = ticket.filter(|job| !world.approvals[approval].accepted.contains(job)) {
            world.approvals[approval].accepted.push(job);
        }
    };
    let joined =
        world.jobs.iter().find(|job| matches!(&result, Ok(Enqueued::Live(live)) if live.job == job.id));
    let is_taken =
        joined.is_some_and(|job| job.end.is_some()) || matches!(result, Ok(Enqueued::Foreign { .. }));
    let call = Call::new(world, (&result, store)).confirmed().saying(summary);
    let mut all = call.both(known, heard, |world| world.approvals[approval].unheard = Some(id.clone()));
    if is_taken {
        let broken = "slot: the approval's job has ended, and no other is accepted";
        for next in &mut all {
            next.broken = Some(broken.to_owned());
        }
    }
    all
}

fn given(world: &World, number: usize, read: &Result<Vec<Delivery>, QueueError>, store: Store) -> Vec<Next> {
    let call = Call::new(world, (read, store)).saying(names(read.as_deref().unwrap_or_default()));
    let deliveries = read.as_deref().map(<[_]>::to_vec).unwrap_or_default();
    call.both(|_| {}, |world| world.workers[number].hold(deliveries), |_| {})
}

fn names(deliveries: &[Delivery]) -> String {
    let name = |delivery: &Delivery| {
        format!("{}, delivery {}", delivery.message.job.as_str().trim_end_matches('_'), delivery.number)
    };
    if deliveries.is_empty() {
        "nothing".to_owned()
    } else {
        deliveries.iter().map(name).collect::<Vec<_>>().join("; ")
    }
}

async fn beat(rig: &mut Rig, world: &World, number: usize) -> Vec<Next> {
    let held = world.workers[number].held();
    let name = world.workers[number].name.clone();
    let (lost, store) =
        rig.step(world, async |rig| rig.queue.deliveries().renew_once(&name, &held).await).await;
    let entries = lost.as_ref().map(Clone::clone).unwrap_or_default();
    let call = Call::new(world, (&lost, store)).confirmed();
    let summary =
        if entries.is_empty() { "all renewed".to_owned() } else { format!("{} lost", entries.len()) };
    let heard = |world: &mut World| {
        let worker = &mut world.workers[number];
        (worker.is_beat_due, worker.may_sweep) = (false, true);
        let runs = std::mem::take(&mut worker.runs);
        worker.runs = runs.into_iter().filter_map(|run| cut_if(run, &held, &entries)).collect();
    };
    call.saying(summary).both(|_| {}, heard, |world| world.workers[number].is_beat_due = false)
}

/// The run, cut off where its lease is lost: only what is decided goes on.
fn cut_if(mut run: Run, held: &[Delivery], lost: &[String]) -> Option<Run> {
    if !lost.contains(&run.delivery.entry) || !held.contains(&run.delivery) {
        return Some(run);
    }
    run.is_lost = true;
    match run.at {
        At::Taken { .. } => Some(Run { at: At::Settled(Verdict::End(sent())), ..run }),
        At::Settling { .. } | At::Settled(_) => Some(run),
        _ => None,
    }
}

async fn sweep(rig: &mut Rig, world: &World, number: usize) -> Vec<Next> {
    let worker = &world.workers[number];
    let sweeper = Sweeper {
        consumer: worker.name.clone(),
        may_take_a_last_one: !worker.runs.iter().any(|run| run.delivery.number >= LAST_DELIVERY),
        latest_ms: world.clock_wrong_by(worker.seen_wrong_ms) + TOLERANCE_MS,
    };
    let room = ROOM - worker.runs.len() - worker.taken.len();
    let (taken, store) =
        rig.step(world, async |rig| rig.queue.deliveries().take_over(&sweeper, room).await).await;
    let call = Call::new(world, (&taken, store));
    let Ok(taken) = taken else {
        return call.both(|_| {}, |_| {}, |world| world.workers[number].may_sweep = false);
    };
    let summary = match (taken.clock_was_set || taken.is_unheard, taken.aside.len()) {
        (true, _) => "the clock was set, or nobody was heard of: nothing is looked at".to_owned(),
        (false, 0) => names(&taken.deliveries),
        (false, aside) => format!("{}; {aside} set aside", names(&taken.deliveries)),
    };
    let known = |world: &mut World| world.workers[number].may_sweep = false;
    let heard = |world: &mut World| {
        if taken.clock_was_set {
            world.workers[number].unsettled = SETTLED_AFTER;
        }
        let worker = &mut world.workers[number];
        let is_held =
            |entry: &String| worker.runs.iter().any(|run| run.delivery.entry == *entry && !run.is_lost);
        worker.taken = taken.deliveries.into_iter().filter(|taken| !is_held(&taken.entry)).collect();
    };
    call.saying(summary).both(known, heard, |_| {})
}

async fn begin(rig: &mut Rig, world: &World, number: usize) -> Vec<Next> {
    let taken = world.workers[number].taken.clone();
    let (begun, store) =
        rig.step(world, async |rig| rig.queue.deliveries().begin_once(taken.clone()).await).await;
    let call = Call::new(world, (&begun, store)).saying(names(begun.as_deref().unwrap_or_default()));
    let known = |world: &mut World| world.workers[number].taken.clear();
    call.both(known, |world| world.workers[number].hold(begun.unwrap_or_default()), |_| {})
}

fn sent() -> Outcome {
    Outcome::Sent("{}".to_owned())
}

async fn of_run(rig: &mut Rig, world: &World, at: (usize, usize), step: Step) -> Vec<Next> {
    let run = &world.workers[at.0].runs[at.1];
    let delivery = &run.delivery;
    let quiet = |world: World, answer: &str| {
        vec![Next { world, heard: true, answer: answer.to_owned(), broken: None }]
    };
    match (step, &run.at) {
        (Step::Refuse, _) => quiet(world.going_on(at, Verdict::end(Refusal::PersonNotFound)), ""),
        (Step::PostPone, _) => quiet(world.going_on(at, Verdict::retry(Refusal::UpstreamFailed)), ""),
        (Step::AskLeave, _) => ask_leave(rig, world, at).await,
        (Step::GiveUpLeave, now) => {
            let unsent = match now {
                At::Permitted { permit, .. } => permit.settle(0, false),
                _ => Some(rig.guard.unsent(delivery, &rig.phone)),
            };
            quiet(world.settling(at, unsent, Verdict::retry(Refusal::UpstreamSilent)), "")
        }
        (Step::Submit(gateway), At::Permitted { permit, .. }) => vec![submit(world, at, permit, gateway)],
        (Step::Hear, At::HandedOver { permit, gateway }) => quiet(hear(world, at, permit, *gateway), ""),
        (Step::Activate, At::Taken { permit }) => {
            let Some(offered) = &permit.offered else { return Vec::new() };
            let job = &delivery.message.job;
            let (done, store) = rig.step(world, async |rig| rig.codes.activate(offered, job).await).await;
            Call::new(world, (&done, store)).alone(|world| *world = world.going_on(at, Verdict::End(sent())))
        }
        (Step::Settle, At::Settling { settlement, then }) => {
            let (done, store) =
                rig.step(world, async |rig| rig.queue.deliveries().settle_send(settlement).await).await;
            let goes_on = |world: &mut World| *world = world.going_on(at, then.clone());
            let unheard = |world: &mut World| {
                if matches!(then, Verdict::End(_)) {
                    goes_on(world);
                }
            };
            with_drop(Call::new(world, (&done, store)).confirmed().both(|_| {}, goes_on, unheard), at)
        }
        (Step::Write, At::Settled(Verdict::End(outcome))) => {
            let (done, store) = rig
                .step(world, async |rig| rig.queue.deliveries().finish(delivery, outcome, None).await)
                .await;
            let call = Call::new(world, (&done, store)).confirmed();
            let summary =
                format!("{} as {}: {}", outcome.state().as_str(), outcome.status_code(), call.answer);
            with_drop(call.saying(summary).both(|_| {}, |world| world.drop_run(at), |_| {}), at)
        }
        (Step::Write, At::Settled(Verdict::RetryLater { otherwise })) => {
            let (done, store) = rig
                .step(world, async |rig| {
                    rig.queue.deliveries().retry_later(delivery, WAIT, None, "upstream_failed").await
                })
                .await;
            let is_late = matches!(done, Ok(PutBack::Late));
            let heard = |world: &mut World| {
                if is_late {
                    *world = world.going_on(at, Verdict::End(otherwise.clone()));
                } else {
                    world.drop_run(at);
                }
            };
            with_drop(Call::new(world, (&done, store)).confirmed().both(|_| {}, heard, |_| {}), at)
        }
        (Step::HandBack, _) => {
            let (done, store) =
                rig.step(world, async |rig| rig.queue.deliveries().release(delivery).await).await;
            Call::new(world, (&done, store)).alone(|world| world.stop_run(at))
        }
        (Step::Crash, _) => {
            let (done, store) =
                rig.step(world, async |rig| rig.queue.deliveries().crash(delivery).await).await;
            Call::new(world, (&done, store)).alone(|world| world.stop_run(at))
        }
        (Step::Submit(_) | Step::Hear | Step::Activate | Step::Settle | Step::Write, _) => Vec::new(),
    }
}

/// Whoever learnt that the lease is lost gives up where a reply does not come, unless it may have been unconfirmed only.
fn with_drop(mut all: Vec<Next>, at: (usize, usize)) -> Vec<Next> {
    let is_lost = |next: &Next| next.world.workers[at.0].runs.get(at.1).is_some_and(|run| run.is_lost);
    if let Some(unheard) = all.iter().find(|next| !next.heard && is_lost(next)) {
        let mut world = unheard.world.clone();
        world.drop_run(at);
        let answer = format!("{}; it gives up, for its lease is lost", unheard.answer);
        all.push(Next { world, heard: false, answer, broken: None });
    }
    all
}

async fn ask_leave(rig: &mut Rig, world: &World, at: (usize, usize)) -> Vec<Next> {
    let delivery = &world.workers[at.0].runs[at.1].delivery;
    let (asked, store) =
        rig.step(world, async |rig| rig.guard.ask(delivery, &rig.phone, Some(&rig.codes)).await).await;
    let call = Call::new(world, (&asked, store)).confirmed();
    let unsent = rig.guard.unsent(delivery, &rig.phone);
    let Ok(decision) = asked else {
        let retry = Verdict::retry(Refusal::UpstreamSilent);
        return call.both(|_| {}, |_| {}, |world| *world = world.settling(at, Some(unsent), retry));
    };
    let is_granted = matches!(decision, SendDecision::Granted(_));
    let (summary, now) = match decision {
        SendDecision::Granted(permit) => {
            let is_fresh = permit.may_submit();
            let summary = if permit.is_last() { "go, for the last time" } else { "go" };
            (summary, Some(At::Permitted { permit: permit.into(), is_fresh }))
        }
        SendDecision::LimitReached(_) => {
            ("a limit is reached", Some(At::Settled(Verdict::end(Refusal::UpstreamFailed))))
        }
        SendDecision::Late => ("late", Some(At::Settled(Verdict::end(Refusal::UpstreamSilent)))),
        SendDecision::Exhausted => {
            ("exhausted", Some(At::Settled(Verdict::end(Refusal::DeliveryUnknown { silent: true }))))
        }
        SendDecision::Lost => ("lost", None),
    };
    let granted = name_of(delivery);
    let known = |world: &mut World| {
        let now_ms = world.now_ms;
        let job = world.jobs.iter_mut().find(|job| job.id == delivery.message.job);
        let Some(job) = job.filter(|_| is_granted) else { return };
        // Leave is never given for longer than a deadline is long, whatever Redis' clock said when it was reckoned.
        job.deadline_shown_ms =
            job.deadline_shown_ms.min(i64::try_from(now_ms + DEADLINE_MS).unwrap_or(i64::MAX));
        if !job.granted.contains(&granted) {
            job.granted.push(granted.clone());
        }
    };
    let heard = |world: &mut World| match now {
        Some(now) => world.workers[at.0].runs[at.1].at = now,
        None => world.drop_run(at),
    };
    call.saying(summary).both(known, heard, |world| world.workers[at.0].runs[at.1].at = At::LeaveUnheard)
}

/// What tells a run from others.
fn name_of(delivery: &Delivery) -> (Arc<str>, String, u64) {
    (delivery.consumer.clone(), delivery.entry.clone(), delivery.number)
}

fn submit(world: &World, at: (usize, usize), permit: &Arc<SendPermit>, gateway: Gateway) -> Next {
    let (mut world, delivery) = (world.clone(), world.workers[at.0].runs[at.1].delivery.clone());
    let mut broken = None;
    let Some(offered) = &permit.offered else {
        let world = world.going_on(at, Verdict::End(sent()));
        return Next { world, heard: true, answer: "the code was used: its message arrived".into(), broken };
    };
    let (now_ms, code) = (world.now_ms, offered.code.expose().to_owned());
    world.left.odd_answers -= u8::from(gateway != Gateway::Takes);
    let taken = world.job_of(&delivery).map(|(index, job)| {
        if now_ms > job.last_begin_ms() {
            let late = (now_ms - job.last_begin_ms()) / 1_000;
            broken = Some(format!("I5: a message begins {late} s after its deadline"));
        }
        if job.end.is_some() {
            broken = Some("I6: a message begins for a job that has ended".to_owned());
        }
        if gateway.takes() {
            job.codes.push(code);
            job.denied += u8::from(gateway.defers() && permit.believed_left() > 0);
        }
        index
    });
    match taken {
        None => broken = Some("I4: a message for a job that nobody stored".to_owned()),
        Some(job) if gateway.takes() => world.on_the_phone = Some(job),
        Some(_) => {}
    }
    world.workers[at.0].runs[at.1].at = At::HandedOver { permit: permit.clone(), gateway };
    Next { world, heard: true, answer: String::new(), broken }
}

/// What a run makes of the gateway's answer.
fn hear(world: &World, at: (usize, usize), permit: &Arc<SendPermit>, gateway: Gateway) -> World {
    let is_believed = gateway.defers() && permit.believed_left() > 0;
    match gateway {
        Gateway::Takes => {
            let mut world = world.clone();
            world.workers[at.0].runs[at.1].at = At::Taken { permit: permit.clone() };
            world
        }
        Gateway::Busy => world.settling(at, permit.settle(0, false), Verdict::retry(Refusal::UpstreamFailed)),
        Gateway::Rejects => {
            world.settling(at, permit.settle(0, false), Verdict::end(Refusal::UpstreamFailed))
        }
        _ if is_believed => {
            world.settling(at, permit.settle(1, false), Verdict::retry(Refusal::UpstreamFailed))
        }
        _ => {
            let unknown = Refusal::DeliveryUnknown { silent: false };
            let verdict = if permit.is_last() { Verdict::end(unknown) } else { Verdict::retry(unknown) };
            let mut world = world.going_on(at, verdict);
            let delivery = world.workers[at.0].runs[at.1].delivery.clone();
            if let Some((_, job)) = world.job_of(&delivery) {
                job.left_open += 1;
            }
            world
        }
    }
}

impl Verdict {
    fn end(refusal: Refusal) -> Self {
        Self::End(Outcome::Refused(refusal))
    }

    fn retry(otherwise: Refusal) -> Self {
        Self::RetryLater { otherwise: Outcome::Refused(otherwise) }
    }
}

impl World {
    fn going_on(&self, (worker, run): (usize, usize), verdict: Verdict) -> Self {
        let mut world = self.clone();
        let was_stopped_by_registry = matches!(self.workers[worker].runs[run].at, At::Fetched);
        world.left.stops -= u8::from(was_stopped_by_registry);
        world.workers[worker].runs[run].at = At::Settled(verdict);
        world
    }

    fn settling(
        &self,
        at: (usize, usize),
        settlement: Option<shared::queue::SendSettlement>,
        then: Verdict,
    ) -> Self {
        let mut world = self.clone();
        world.workers[at.0].runs[at.1].at = match settlement {
            Some(settlement) => At::Settling { settlement, then },
            None => At::Settled(then),
        };
        world
    }

    fn stop_run(&mut self, at: (usize, usize)) {
        self.left.stops -= 1;
        self.drop_run(at);
    }

    fn drop_run(&mut self, (worker, run): (usize, usize)) {
        self.workers[worker].runs.remove(run);
    }
}
