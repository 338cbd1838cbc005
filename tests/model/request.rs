//! A client sends or repeats a request.

use shared::domain::ids::{ApprovalId, JobId, PatientId};
use shared::queue::{Enqueued, NewJob, QueueError};
use uuid::Uuid;

use crate::call::{Call, Successor};
use crate::rig::Rig;
use crate::world::{Job, World};

/// Both possible results of the request.
pub(crate) async fn request(rig: &mut Rig, world: &World, approval: usize, again: bool) -> Vec<Successor> {
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
    // A repeated call gets its first answer, whatever limit its own message has reached since.
    let limits = if again { &rig.reached_limits } else { &rig.limits }.clone();
    let (result, store) = rig
        .step(world, async |rig| rig.queue.producer().enqueue_under(id.clone(), &new, &limits).await)
        .await;
    let is_new = matches!(result, Ok(Enqueued::Accepted(_)));
    let ticket = accepted_job(&result).cloned();
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
            world.budget.repeats -= u8::from(asked.requests > 0 && asked.unheard.is_none());
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
    let stored = world.jobs.iter().any(|job| job.id == id && !job.is_gone);
    let violation = match &result {
        _ if is_taken => Some("slot: the approval's job has ended, and no other is accepted"),
        Ok(_) if again && stored && accepted_job(&result) != Some(&id) => {
            Some("again: a call that is repeated after its answer was lost is answered another way")
        }
        _ => None,
    };
    for next in &mut all {
        next.violation = violation.map(str::to_owned);
    }
    all
}

/// The job in the answer.
fn accepted_job(result: &Result<Enqueued, QueueError>) -> Option<&JobId> {
    match result {
        Ok(Enqueued::Accepted(ticket) | Enqueued::Live(ticket) | Enqueued::Replayed(ticket)) => {
            Some(&ticket.job)
        }
        _ => None,
    }
}
