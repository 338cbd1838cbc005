//! The invariants of every state.

use crate::rig::{JobView, Rig};
use crate::world::{Job, Pause, World};

/// Records ends; returns a violation, if any.
pub(crate) async fn check(rig: &mut Rig, world: &mut World) -> Option<String> {
    for index in 0..world.jobs.len() {
        let view = rig.job(world, &world.jobs[index].id.clone()).await;
        if let Some(violation) = job_holds(world, index, view) {
            return Some(violation);
        }
    }
    slots_hold(world).or_else(|| pause_holds(world)).or(code_holds(rig, world).await)
}

/// What an operator was told about a pause is true.
fn pause_holds(world: &World) -> Option<String> {
    match (world.pause, world.store.is_paused()) {
        (Pause::On(_), false) => {
            Some("pause: the operator was told of a pause, and there is none".to_owned())
        }
        (Pause::Off, true) => Some("pause: the operator was told that it is over, and it is not".to_owned()),
        _ => None,
    }
}

/// An approval has at most one live job.
fn slots_hold(world: &World) -> Option<String> {
    let is_live = |job: &&Job| job.end.is_none() && !job.is_gone;
    let live = |approval| world.jobs.iter().filter(is_live).filter(|job| job.approval == approval).count();
    let twice = (0..world.approvals.len()).any(|approval| live(approval) > 1);
    twice.then(|| "slot: an approval has two live jobs".to_owned())
}

fn job_holds(world: &mut World, index: usize, view: Option<JobView>) -> Option<String> {
    let is_promised = world.approvals.iter().any(|asked| asked.accepted.contains(&world.jobs[index].id));
    let job = &mut world.jobs[index];
    let Some(view) = view else {
        if is_promised {
            return Some("I1: a job that a client was given a 202 for is gone".to_owned());
        }
        job.is_gone = true;
        return None;
    };
    if job.end.is_some() && job.end != view.end {
        return Some(format!("I6: an ended job changed, from {:?} to {:?}", job.end, view.end));
    }
    job.end.clone_from(&view.end);
    if matches!(&job.end, Some((200, _))) && job.codes.is_empty() {
        return Some("I1: a job ended well, and no gateway took its message".to_owned());
    }
    messages_hold(job).or_else(|| counts_hold(job, &view))
}

/// I2 with its exceptions, and I3.
fn messages_hold(job: &Job) -> Option<String> {
    let sent = job.codes.len();
    let believed = usize::from(job.denied.min(2));
    let allowed = believed + if job.left_open > 0 { 2 } else { 1 };
    if sent > allowed.min(4) {
        return Some(format!("I2: {sent} messages, where {allowed} may be out"));
    }
    if job.codes.windows(2).any(|pair| pair[0] != pair[1]) {
        return Some("I3: messages of one job carry two codes".to_owned());
    }
    None
}

/// A message that may be out is never left uncounted, and each hand-over is counted once.
fn counts_hold(job: &Job, view: &JobView) -> Option<String> {
    let (handed, granted) = (view.handed, job.granted.len() as u64);
    if handed != granted {
        return Some(format!("counts: {handed} hand-overs in the record, leave was given {granted} times"));
    }
    let out = job.codes.len().saturating_sub(usize::from(job.denied)) as u64;
    if view.open < out {
        return Some(format!("counts: {} messages may be out by the record, {out} are", view.open));
    }
    None
}

/// The code of the message taken last is valid.
async fn code_holds(rig: &mut Rig, world: &World) -> Option<String> {
    let last = &world.jobs[world.on_the_phone?];
    let phone = rig.phone_view(world).await;
    if !phone.good.contains(&last.id.as_str().to_owned()) {
        return Some("code: that of the message taken last is not good".to_owned());
    }
    let taken: usize =
        world.jobs.iter().map(|job| job.codes.len().saturating_sub(usize::from(job.denied))).sum();
    if phone.sent < taken as u64 {
        return Some(format!("counts: {} messages count against the phone, {taken} are out", phone.sent));
    }
    None
}
