//! A run, step by step: leave, the message, its end.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{Delivery, JobAttempt, PutBack};
use shared::sending::guard::SendDecision;
use shared::sending::permit::SendPermit;

use crate::action::Step;
use crate::call::{Call, Next};
use crate::rig::Rig;
use crate::world::{At, DEADLINE_MS, Gateway, Verdict, World};

/// How long a job that is put back waits.
const WAIT: Duration = Duration::from_secs(5);

/// The end of a job whose message was taken.
fn sent() -> Outcome {
    Outcome::Sent("{}".to_owned())
}

/// One step of a run.
pub(crate) async fn of_run(rig: &mut Rig, world: &World, at: (usize, usize), step: Step) -> Vec<Next> {
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
        (Step::Hear, At::HandedOver { permit, gateway }) => quiet(hear(rig, world, at, permit, *gateway), ""),
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
        (Step::Write, At::Settled(verdict @ (Verdict::End(_) | Verdict::Sent(_)))) => {
            let (outcome, attempt) = verdict.end_of();
            let (done, store) = rig
                .step(world, async |rig| {
                    rig.queue.deliveries().finish_attempt(delivery, &outcome, None, &attempt).await
                })
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
        (Step::Submit(_) | Step::Hear | Step::Settle | Step::Write, _) => Vec::new(),
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
pub(crate) fn name_of(delivery: &Delivery) -> (Arc<str>, String, u64) {
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
        if job.is_cancelled {
            broken = Some("order: a message begins for a job that an operator cancelled".to_owned());
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
fn hear(rig: &Rig, world: &World, at: (usize, usize), permit: &Arc<SendPermit>, gateway: Gateway) -> World {
    let is_believed = gateway.defers() && permit.believed_left() > 0;
    match gateway {
        Gateway::Takes => match &permit.offered {
            Some(offered) => world.going_on(at, Verdict::Sent(rig.codes.taken(offered))),
            None => world.clone(),
        },
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
    /// How the job is to end, and what its attempt came to.
    fn end_of(&self) -> (Outcome, JobAttempt) {
        match self {
            Self::End(outcome) | Self::RetryLater { otherwise: outcome } => {
                (outcome.clone(), JobAttempt::default())
            }
            Self::Sent(code) => (sent(), JobAttempt { taken: Some(code.clone()), ..JobAttempt::default() }),
        }
    }

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
