//! An operator pauses the queue and lets the workers take jobs again; workers learn of it.

use crate::call::{Call, Next};
use crate::rig::Rig;
use crate::world::{Pause, World};

/// An operator has the workers take nothing new.
pub(crate) async fn pause(rig: &mut Rig, world: &World) -> Vec<Next> {
    let (done, store) = rig.step(world, async |rig| rig.queue.operator().pause().await).await;
    let known = |world: &mut World| world.left.pauses -= 1;
    let call = Call::new(world, (&done, store)).confirmed();
    call.both(known, |world| world.pause = Pause::On(0), |world| world.pause = Pause::Unheard(0))
}

/// An operator lets the workers take jobs again.
pub(crate) async fn resume(rig: &mut Rig, world: &World) -> Vec<Next> {
    let (done, store) = rig.step(world, async |rig| rig.queue.operator().resume().await).await;
    let ticks = world.pause.ticks();
    let call = Call::new(world, (&done, store)).confirmed();
    call.both(|_| {}, |world| world.pause = Pause::Off, |world| world.pause = Pause::Unheard(ticks))
}

/// A worker looks, as each does every second.
pub(crate) async fn look(rig: &mut Rig, world: &World, number: usize) -> Vec<Next> {
    let (seen, store) = rig.step(world, async |rig| rig.queue.deliveries().look_once().await).await;
    let is_paused = seen.as_ref().is_ok_and(|paused| *paused);
    let call = Call::new(world, (&seen, store));
    let mut all = call.alone(|world| world.workers[number].seen.is_paused = is_paused);
    for next in &mut all {
        next.broken = is_missed(&next.world, is_paused);
    }
    all
}

/// Within ten seconds every living worker has looked; answers what does not hold.
pub(crate) async fn all_look(rig: &mut Rig, world: &mut World) -> Option<String> {
    let is_paused = world.store.is_paused();
    if world.workers.iter().all(|worker| worker.is_stopped || worker.seen.is_paused == is_paused) {
        return None;
    }
    let (seen, _) = rig.step(world, async |rig| rig.queue.deliveries().look_once().await).await;
    let is_paused = seen.is_ok_and(|paused| paused);
    let living = world.workers.iter_mut().filter(|worker| !worker.is_stopped);
    living.for_each(|worker| worker.seen.is_paused = is_paused);
    is_missed(world, is_paused)
}

fn is_missed(world: &World, is_paused: bool) -> Option<String> {
    let is_missed = world.store.is_paused() != is_paused;
    is_missed.then(|| "pause: a worker has looked and does not know".to_owned())
}
