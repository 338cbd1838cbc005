//! An operator pauses and resumes the queue, and workers notice.

use crate::call::{Call, Successor};
use crate::rig::Rig;
use crate::world::{Pause, World};

/// An operator pauses the queue.
pub(crate) async fn pause(rig: &mut Rig, world: &World) -> Vec<Successor> {
    let (done, store) = rig.step(world, async |rig| rig.queue.operator().pause().await).await;
    let known = |world: &mut World| world.budget.pauses -= 1;
    let call = Call::new(world, (&done, store)).confirmed();
    call.both(known, |world| world.pause = Pause::On(0), |world| world.pause = Pause::Unheard(0))
}

/// An operator resumes the queue.
pub(crate) async fn resume(rig: &mut Rig, world: &World) -> Vec<Successor> {
    let (done, store) = rig.step(world, async |rig| rig.queue.operator().resume().await).await;
    let ticks = world.pause.ticks();
    let call = Call::new(world, (&done, store)).confirmed();
    call.both(|_| {}, |world| world.pause = Pause::Off, |world| world.pause = Pause::Unheard(ticks))
}

/// A worker checks for a pause, as each does every second.
pub(crate) async fn look(rig: &mut Rig, world: &World, number: usize) -> Vec<Successor> {
    let (seen, store) = rig.step(world, async |rig| rig.queue.deliveries().look_once().await).await;
    let is_paused = seen.as_ref().is_ok_and(|paused| *paused);
    let call = Call::new(world, (&seen, store));
    let mut all = call.alone(|world| world.workers[number].view.is_paused = is_paused);
    for next in &mut all {
        next.violation = is_missed(&next.world, is_paused);
    }
    all
}

/// Within ten seconds every live worker has checked; returns a violation, if any.
pub(crate) async fn all_check_pause(rig: &mut Rig, world: &mut World) -> Option<String> {
    let is_paused = world.store.is_paused();
    if world.workers.iter().all(|worker| worker.is_stopped || worker.view.is_paused == is_paused) {
        return None;
    }
    let (seen, _) = rig.step(world, async |rig| rig.queue.deliveries().look_once().await).await;
    let is_paused = seen.is_ok_and(|paused| paused);
    let living = world.workers.iter_mut().filter(|worker| !worker.is_stopped);
    living.for_each(|worker| worker.view.is_paused = is_paused);
    is_missed(world, is_paused)
}

fn is_missed(world: &World, is_paused: bool) -> Option<String> {
    let is_missed = world.store.is_paused() != is_paused;
    is_missed.then(|| "pause: a worker has looked and does not know".to_owned())
}
