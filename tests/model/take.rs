//! What an action makes of a world: one world where its reply is heard, one where the reply is lost.

use shared::queue::Cancelled;

use crate::action::Action;
use crate::call::{Call, Next};
use crate::consume::{TOLERANCE_MS, beat, begin, given, sweep};
use crate::operate::{all_look, look, pause, resume};
use crate::request::request;
use crate::rig::Rig;
use crate::run::{name_of, of_run};
use crate::world::{At, ROOM, SETTLED_AFTER, Worker, World};

/// The parts of a tick, each shorter than the silence after which nobody counts as heard of.
const ANNOUNCED_AFTER_MS: [u64; 3] = [4_000, 4_000, 2_000];

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
            let (is_done, call) = (matches!(done, Ok(Cancelled::Done)), Call::new(world, (&done, store)));
            // Of a job that had ended the end is confirmed, too; the other answers change nothing.
            let call = if is_done || matches!(done, Ok(Cancelled::Ended)) { call.confirmed() } else { call };
            call.alone(|world| {
                world.left.orders -= 1;
                world.jobs[job].is_cancelled |= is_done;
            })
        }
        Action::Pause => pause(rig, world).await,
        Action::Resume => resume(rig, world).await,
        Action::Look(number) => look(rig, world, number).await,
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
        let view = rig.job(world, &world.jobs[index].id.clone()).await;
        let handed = view.as_ref().map_or(0, |view| view.handed);
        let job = &mut world.jobs[index];
        job.granted.truncate(usize::try_from(handed).unwrap_or(usize::MAX));
        job.end = view.and_then(|view| view.end);
    }
}

/// What happens without any call of ours.
fn befall(world: &mut World, action: Action) {
    match action {
        Action::Die(number) => {
            blame(world, number);
            let dead = world.workers.iter().filter_map(|worker| worker.name.rsplit('-').next()?.parse().ok());
            let next = dead.max().unwrap_or(0) + 1;
            world.workers[number] = Worker::new(next, world.wrong_ms, world.store.is_paused());
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
            living.for_each(|worker| worker.seen.wrong_ms = wrong_ms);
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
    let broken = all_look(rig, &mut world).await;
    vec![Next { world, heard: true, answer: String::new(), broken }]
}

fn time_is_noticed(world: &mut World) {
    let wrong_ms = world.wrong_ms;
    world.pause = world.pause.later();
    for worker in &mut world.workers {
        worker.unsettled = worker.unsettled.saturating_sub(1);
        if !worker.is_stopped {
            worker.may_sweep = false;
            if wrong_ms - worker.seen.wrong_ms > i64::try_from(TOLERANCE_MS).unwrap_or(0) {
                worker.unsettled = SETTLED_AFTER;
            }
            worker.seen.wrong_ms = wrong_ms;
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
