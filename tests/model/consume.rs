//! How a worker gets and keeps its deliveries: reads, heartbeats, sweeps.

use shared::queue::{Delivery, QueueError, Sweeper};

use crate::call::{Call, Successor};
use crate::rig::Rig;
use crate::store::Store;
use crate::world::{Run, RunStage, SETTLED_AFTER, SLOTS, World};

/// How far Redis' clock may run ahead of a worker's own.
pub(crate) const TOLERANCE_MS: u64 = 7_500;

/// The number of the last delivery allowed.
const LAST_DELIVERY: u64 = 3;

/// A worker receives the result of a read.
pub(crate) fn receive(
    world: &World,
    number: usize,
    read: &Result<Vec<Delivery>, QueueError>,
    store: Store,
) -> Vec<Successor> {
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

/// Sends a heartbeat.
pub(crate) async fn beat(rig: &mut Rig, world: &World, number: usize) -> Vec<Successor> {
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

/// The run, or nothing if its lease is lost: only a decided run goes on.
fn cut_if(mut run: Run, held: &[Delivery], lost: &[String]) -> Option<Run> {
    if !lost.contains(&run.delivery.entry) || !held.contains(&run.delivery) {
        return Some(run);
    }
    run.is_lost = true;
    match run.stage {
        RunStage::Settling { .. } | RunStage::Settled(_) => Some(run),
        _ => None,
    }
}

/// Sweeps over what silent workers hold.
pub(crate) async fn sweep(rig: &mut Rig, world: &World, number: usize) -> Vec<Successor> {
    let worker = &world.workers[number];
    let sweeper = Sweeper {
        consumer: worker.name.clone(),
        may_take_a_last_one: !worker.runs.iter().any(|run| run.delivery.number >= LAST_DELIVERY),
        latest_ms: world.clock_wrong_by(worker.view.wrong_ms) + TOLERANCE_MS,
    };
    let room = SLOTS - worker.runs.len() - worker.taken.len();
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

/// Counts the runs of what was taken over.
pub(crate) async fn begin(rig: &mut Rig, world: &World, number: usize) -> Vec<Successor> {
    let taken = world.workers[number].taken.clone();
    let (begun, store) =
        rig.step(world, async |rig| rig.queue.deliveries().begin_once(taken.clone()).await).await;
    let call = Call::new(world, (&begun, store)).saying(names(begun.as_deref().unwrap_or_default()));
    let known = |world: &mut World| world.workers[number].taken.clear();
    call.both(known, |world| world.workers[number].hold(begun.unwrap_or_default()), |_| {})
}
