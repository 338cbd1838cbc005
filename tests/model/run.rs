//! A run, step by step: permit, message, end.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{Delivery, JobAttempt, PutBack};
use shared::sending::guard::SendDecision;
use shared::sending::permit::SendPermit;

use crate::action::Step;
use crate::call::{Call, Successor};
use crate::rig::Rig;
use crate::world::{DEADLINE_MS, Disposition, Gateway, RunStage, World};

/// How long a retried job waits.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// The end of a job whose message was taken.
fn sent() -> Outcome {
    Outcome::Sent("{}".to_owned())
}

/// One step of a run.
pub(crate) async fn run_step(rig: &mut Rig, world: &World, at: (usize, usize), step: Step) -> Vec<Successor> {
    let run = &world.workers[at.0].runs[at.1];
    let delivery = &run.delivery;
    let without_call = |world: World, answer: &str| {
        vec![Successor { world, heard: true, answer: answer.to_owned(), violation: None }]
    };
    match (step, &run.stage) {
        (Step::Refuse, _) => {
            without_call(world.with_disposition(at, Disposition::end(Refusal::PersonNotFound)), "")
        }
        (Step::Postpone, _) => {
            without_call(world.with_disposition(at, Disposition::retry(Refusal::UpstreamFailed)), "")
        }
        (Step::RequestPermit, _) => request_permit(rig, world, at).await,
        (Step::AbandonPermit, now) => {
            let unsent = match now {
                RunStage::Permitted { permit, .. } => permit.settle(0, false),
                _ => Some(rig.guard.unsent(delivery, &rig.phone)),
            };
            without_call(world.settling(at, unsent, Disposition::retry(Refusal::UpstreamSilent)), "")
        }
        (Step::Submit(gateway), RunStage::Permitted { permit, .. }) => {
            vec![submit(world, at, permit, gateway)]
        }
        (Step::Hear, RunStage::HandedOver { permit, gateway }) => {
            without_call(handle_answer(world, at, permit, *gateway), "")
        }
        (Step::Settle, RunStage::Settling { settlement, then }) => {
            let (done, store) =
                rig.step(world, async |rig| rig.queue.deliveries().settle_send(settlement).await).await;
            let goes_on = |world: &mut World| *world = world.with_disposition(at, then.clone());
            let unheard = |world: &mut World| {
                if matches!(then, Disposition::End(_)) {
                    goes_on(world);
                }
            };
            with_drop(Call::new(world, (&done, store)).confirmed().both(|_| {}, goes_on, unheard), at)
        }
        (Step::Write, RunStage::Settled(verdict @ (Disposition::End(_) | Disposition::Sent(_)))) => {
            let (outcome, attempt) = verdict.outcome();
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
        (Step::Write, RunStage::Settled(Disposition::RetryLater { otherwise })) => {
            let (done, store) = rig
                .step(world, async |rig| {
                    rig.queue.deliveries().retry_later(delivery, RETRY_DELAY, None, "upstream_failed").await
                })
                .await;
            let is_late = matches!(done, Ok(PutBack::Late));
            let heard = |world: &mut World| {
                if is_late {
                    *world = world.with_disposition(at, Disposition::End(otherwise.clone()));
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

/// A worker that knows its lease is lost gives up if a reply does not arrive, unless the write may only be unconfirmed.
fn with_drop(mut all: Vec<Successor>, at: (usize, usize)) -> Vec<Successor> {
    let is_lost = |next: &Successor| next.world.workers[at.0].runs.get(at.1).is_some_and(|run| run.is_lost);
    if let Some(unheard) = all.iter().find(|next| !next.heard && is_lost(next)) {
        let mut world = unheard.world.clone();
        world.drop_run(at);
        let answer = format!("{}; it gives up, for its lease is lost", unheard.answer);
        all.push(Successor { world, heard: false, answer, violation: None });
    }
    all
}

async fn request_permit(rig: &mut Rig, world: &World, at: (usize, usize)) -> Vec<Successor> {
    let delivery = &world.workers[at.0].runs[at.1].delivery;
    let (asked, store) =
        rig.step(world, async |rig| rig.guard.ask(delivery, &rig.phone, Some(&rig.codes)).await).await;
    let call = Call::new(world, (&asked, store)).confirmed();
    let unsent = rig.guard.unsent(delivery, &rig.phone);
    let Ok(decision) = asked else {
        let retry = Disposition::retry(Refusal::UpstreamSilent);
        return call.both(|_| {}, |_| {}, |world| *world = world.settling(at, Some(unsent), retry));
    };
    let is_granted = matches!(decision, SendDecision::Granted(_));
    let (summary, now) = match decision {
        SendDecision::Granted(permit) => {
            let is_fresh = permit.may_submit();
            let summary = if permit.is_last() { "go, for the last time" } else { "go" };
            (summary, Some(RunStage::Permitted { permit: permit.into(), is_fresh }))
        }
        SendDecision::LimitReached(_) => {
            ("a limit is reached", Some(RunStage::Settled(Disposition::end(Refusal::UpstreamFailed))))
        }
        SendDecision::Late => ("late", Some(RunStage::Settled(Disposition::end(Refusal::UpstreamSilent)))),
        SendDecision::Exhausted => (
            "exhausted",
            Some(RunStage::Settled(Disposition::end(Refusal::DeliveryUnknown { silent: true }))),
        ),
        SendDecision::Lost => ("lost", None),
    };
    let granted = run_key(delivery);
    let known = |world: &mut World| {
        let now_ms = world.now_ms;
        let job = world.jobs.iter_mut().find(|job| job.id == delivery.message.job);
        let Some(job) = job.filter(|_| is_granted) else { return };
        // A permit never lasts longer than one deadline, whatever Redis' clock showed when the deadline was computed.
        job.deadline_shown_ms =
            job.deadline_shown_ms.min(i64::try_from(now_ms + DEADLINE_MS).unwrap_or(i64::MAX));
        if !job.granted.contains(&granted) {
            job.granted.push(granted.clone());
        }
    };
    let heard = |world: &mut World| match now {
        Some(now) => world.workers[at.0].runs[at.1].stage = now,
        None => world.drop_run(at),
    };
    call.saying(summary)
        .both(known, heard, |world| world.workers[at.0].runs[at.1].stage = RunStage::PermitUnanswered)
}

/// Identifies a run.
pub(crate) fn run_key(delivery: &Delivery) -> (Arc<str>, String, u64) {
    (delivery.consumer.clone(), delivery.entry.clone(), delivery.number)
}

fn submit(world: &World, at: (usize, usize), permit: &Arc<SendPermit>, gateway: Gateway) -> Successor {
    let (mut world, delivery) = (world.clone(), world.workers[at.0].runs[at.1].delivery.clone());
    let mut violation = None;
    let Some(offered) = &permit.offered else {
        let world = world.with_disposition(at, Disposition::End(sent()));
        return Successor {
            world,
            heard: true,
            answer: "the code was used: its message arrived".into(),
            violation,
        };
    };
    let (now_ms, code) = (world.now_ms, offered.code.expose().to_owned());
    world.budget.odd_answers -= u8::from(gateway != Gateway::Takes);
    let taken = world.job_of(&delivery).map(|(index, job)| {
        if now_ms > job.last_begin_ms() {
            let late = (now_ms - job.last_begin_ms()) / 1_000;
            violation = Some(format!("I5: a message begins {late} s after its deadline"));
        }
        if job.is_cancelled {
            violation = Some("order: a message begins for a job that an operator cancelled".to_owned());
        }
        if job.end.is_some() {
            violation = Some("I6: a message begins for a job that has ended".to_owned());
        }
        if gateway.takes() {
            job.codes.push(code);
            job.denied += u8::from(gateway.defers() && permit.believed_left() > 0);
        }
        index
    });
    match taken {
        None => violation = Some("I4: a message for a job that nobody stored".to_owned()),
        Some(job) if gateway.takes() => world.on_the_phone = Some(job),
        Some(_) => {}
    }
    world.workers[at.0].runs[at.1].stage = RunStage::HandedOver { permit: permit.clone(), gateway };
    Successor { world, heard: true, answer: String::new(), violation }
}

/// What a run does with the gateway's answer.
fn handle_answer(world: &World, at: (usize, usize), permit: &Arc<SendPermit>, gateway: Gateway) -> World {
    let is_believed = gateway.defers() && permit.believed_left() > 0;
    match gateway {
        Gateway::Takes => match &permit.offered {
            Some(offered) => {
                let after = world.redis_ms().saturating_sub(offered.offered_ms());
                let taken = offered.taken_after(Duration::from_millis(after));
                world.with_disposition(at, Disposition::Sent(taken))
            }
            None => world.clone(),
        },
        Gateway::Busy => {
            world.settling(at, permit.settle(0, false), Disposition::retry(Refusal::UpstreamFailed))
        }
        Gateway::Rejects => {
            world.settling(at, permit.settle(0, false), Disposition::end(Refusal::UpstreamFailed))
        }
        _ if is_believed => {
            world.settling(at, permit.settle(1, false), Disposition::retry(Refusal::UpstreamFailed))
        }
        _ => {
            let unknown = Refusal::DeliveryUnknown { silent: false };
            let verdict =
                if permit.is_last() { Disposition::end(unknown) } else { Disposition::retry(unknown) };
            let mut world = world.with_disposition(at, verdict);
            let delivery = world.workers[at.0].runs[at.1].delivery.clone();
            if let Some((_, job)) = world.job_of(&delivery) {
                job.left_open += 1;
            }
            world
        }
    }
}

impl Disposition {
    /// The end of the job, and its attempt.
    fn outcome(&self) -> (Outcome, JobAttempt) {
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
    fn with_disposition(&self, (worker, run): (usize, usize), verdict: Disposition) -> Self {
        let mut world = self.clone();
        let was_stopped_by_registry = matches!(self.workers[worker].runs[run].stage, RunStage::Fetched);
        world.budget.stops -= u8::from(was_stopped_by_registry);
        world.workers[worker].runs[run].stage = RunStage::Settled(verdict);
        world
    }

    fn settling(
        &self,
        at: (usize, usize),
        settlement: Option<shared::queue::SendSettlement>,
        then: Disposition,
    ) -> Self {
        let mut world = self.clone();
        world.workers[at.0].runs[at.1].stage = match settlement {
            Some(settlement) => RunStage::Settling { settlement, then },
            None => RunStage::Settled(then),
        };
        world
    }

    fn stop_run(&mut self, at: (usize, usize)) {
        self.budget.stops -= 1;
        self.drop_run(at);
    }

    fn drop_run(&mut self, (worker, run): (usize, usize)) {
        self.workers[worker].runs.remove(run);
    }
}
