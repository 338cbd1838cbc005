//! The result of an action in a world: one world if its reply is received, another if it is lost.

use shared::queue::Cancelled;

use crate::action::Action;
use crate::call::{Call, Successor};
use crate::consume::{TOLERANCE_MS, beat, begin, receive, sweep};
use crate::operate::{all_check_pause, look, pause, resume};
use crate::request::request;
use crate::rig::Rig;
use crate::run::{run_key, run_step};
use crate::world::{RunStage, SETTLED_AFTER, SLOTS, Worker, World};

/// The parts of a tick, each shorter than the silence after which no worker counts as heard.
const ANNOUNCED_AFTER_MS: [u64; 3] = [4_000, 4_000, 2_000];

/// Every possible result of this action.
pub(crate) async fn successors(rig: &mut Rig, world: &World, action: Action) -> Vec<Successor> {
    match action {
        Action::Request { approval, again } => request(rig, world, approval, again).await,
        Action::Fetch(number) => {
            let worker = &world.workers[number];
            let room = SLOTS - worker.runs.len() - worker.taken.len();
            let (read, store) =
                rig.step(world, async |rig| rig.queue.deliveries().read_now(&worker.name, room).await).await;
            receive(world, number, &read, store)
        }
        Action::Recover(number) => {
            let (worker, held) = (&world.workers[number], world.workers[number].held());
            let (read, store) =
                rig.step(world, async |rig| rig.queue.deliveries().read_own(&worker.name, &held).await).await;
            receive(world, number, &read, store)
        }
        Action::Beat(number) => beat(rig, world, number).await,
        Action::Sweep(number) => sweep(rig, world, number).await,
        Action::Begin(number) => begin(rig, world, number).await,
        Action::Tick => tick(rig, world).await,
        Action::Run(worker, run, step) => run_step(rig, world, (worker, run), step).await,
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
            // Cancelling an ended job also confirms its end; the other results change nothing.
            let call = if is_done || matches!(done, Ok(Cancelled::Ended)) { call.confirmed() } else { call };
            call.alone(|world| {
                world.budget.operator_actions -= 1;
                world.jobs[job].is_cancelled |= is_done;
            })
        }
        Action::Pause => pause(rig, world).await,
        Action::Resume => resume(rig, world).await,
        Action::Look(number) => look(rig, world, number).await,
        Action::RetryNow(job) => {
            let id = &world.jobs[job].id;
            let (done, store) = rig.step(world, async |rig| rig.queue.operator().retry_now(id).await).await;
            Call::new(world, (&done, store)).alone(|world| world.budget.operator_actions -= 1)
        }
        _ => {
            let mut world = world.clone();
            apply_event(&mut world, action);
            world.budget.faults -= u8::from(action.is_fault());
            let store = rig.read_state(&world).await;
            world.set_store(store, false);
            if matches!(action, Action::FailOver(_)) {
                undo_unconfirmed(rig, &mut world).await;
            }
            vec![Successor { world, heard: true, answer: String::new(), violation: None }]
        }
    }
}

/// Undoes what the fail-over lost, which had been confirmed to nobody.
async fn undo_unconfirmed(rig: &mut Rig, world: &mut World) {
    for index in 0..world.jobs.len() {
        let view = rig.job(world, &world.jobs[index].id.clone()).await;
        let handed = view.as_ref().map_or(0, |view| view.handed);
        let job = &mut world.jobs[index];
        job.granted.truncate(usize::try_from(handed).unwrap_or(usize::MAX));
        job.end = view.and_then(|view| view.end);
    }
}

/// Applies an event that needs no call of ours.
fn apply_event(world: &mut World, action: Action) {
    match action {
        Action::Die(number) => {
            leave_runs_open(world, number);
            let dead = world.workers.iter().filter_map(|worker| worker.name.rsplit('-').next()?.parse().ok());
            let next = dead.max().unwrap_or(0) + 1;
            world.workers[number] = Worker::new(next, world.wrong_ms, world.store.is_paused());
        }
        Action::Stop(number) => {
            leave_runs_open(world, number);
            world.workers[number].is_stopped = true;
        }
        Action::Continue(number) => world.workers[number].is_stopped = false,
        Action::Clock(seconds) => {
            // Events are seconds apart, and live workers read the clock every second, so they know its value from
            // before the step.
            let wrong_ms = world.wrong_ms;
            let living = world.workers.iter_mut().filter(|worker| !worker.is_stopped);
            living.for_each(|worker| worker.view.wrong_ms = wrong_ms);
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

/// Ten seconds pass. Live workers announce themselves every second, which confirms all earlier writes; here one of them
/// does so often enough for the fleet to count as heard.
async fn tick(rig: &mut Rig, world: &World) -> Vec<Successor> {
    let mut world = world.clone();
    world.budget.delays -= u8::from(world.is_worker_busy());
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
        let store = rig.read_state(&world).await;
        world.set_store(store, false);
    }
    age_workers(&mut world);
    let violation = all_check_pause(rig, &mut world).await;
    vec![Successor { world, heard: true, answer: String::new(), violation }]
}

fn age_workers(world: &mut World) {
    let wrong_ms = world.wrong_ms;
    world.pause = world.pause.later();
    for worker in &mut world.workers {
        worker.unsettled = worker.unsettled.saturating_sub(1);
        if !worker.is_stopped {
            worker.may_sweep = false;
            if wrong_ms - worker.view.wrong_ms > i64::try_from(TOLERANCE_MS).unwrap_or(0) {
                worker.unsettled = SETTLED_AFTER;
            }
            worker.view.wrong_ms = wrong_ms;
        }
        worker.is_beat_due = true;
        for run in &mut worker.runs {
            run.ticks = run.ticks.saturating_add(1).min(3);
            if let RunStage::Permitted { is_fresh, .. } = &mut run.stage {
                *is_fresh = false;
            }
        }
    }
}

/// The outcome of this worker's sends may now stay unknown.
fn leave_runs_open(world: &mut World, number: usize) {
    let runs = world.workers[number].runs.clone();
    for delivery in runs.iter().map(|run| &run.delivery) {
        if let Some((_, job)) = world.job_of(delivery) {
            job.left_open += u8::from(job.granted.contains(&run_key(delivery)));
        }
    }
}
