//! 28: the power fails under load, and Redis loses what it had not yet written to the disk. No acknowledged job may be
//! lost; the control, which syncs once a second, must lose some.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::power::Power;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;

/// Requests a second.
const RATE: f64 = 100.0;

/// Longest time until everything has ended once the power stays on.
const DRAINED_WITHIN: Duration = Duration::from_mins(1);

/// The control's power fails when at least this much is at stake: about a dozen jobs.
const AT_STAKE: u64 = 20_000;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (jobs, losses) = setup.size((500, 2), (3_000, 5));
    let Some(power) = Power::new() else {
        return ScenarioResult::not_run("there is no C compiler, cc, for the shim");
    };
    let mut result = ScenarioResult::default();
    let fleet = fleet(3).apis(2).workers(2).redis_environment(&power.environment());
    let mut env = ChaosEnv::start(fleet).await;
    let (load, people) = (env.load(RATE).at_once(500), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    for loss in 1..=losses {
        let reached = env.messages_reach(jobs * loss / (losses + 2), DRAINED_WITHIN).await;
        result.require(reached.is_some(), "", format!("power loss {loss} was not reached"));
        power.fails(&mut env.stack.redis).await;
        env.stack.redis.restart().await;
    }
    let asked = asking.await.expect("the clients");
    result.note(format!("{losses} power losses"));
    result.within("drained", env.drained(DRAINED_WITHIN).await, DRAINED_WITHIN);
    result.exactly("processes exited", env.exited(), 0);
    let evidence = env.evidence(asked, HashSet::new()).await;
    let accepted = evidence.accepted().len();
    result.exactly(&format!("of {accepted} acknowledged lost, appendfsync always"), lost(&evidence), 0);
    result.at_least("accepted", accepted, jobs);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result.at_least("lost by the control, appendfsync everysec", control(&power).await, 1);
    result
}

/// The same with a Redis that syncs its file once a second: returns how many acknowledged jobs it lost.
async fn control(power: &Power) -> usize {
    let everysec = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
    let fleet = fleet(3).workers(0).redis(&everysec).redis_environment(&power.environment());
    let mut env = ChaosEnv::start(fleet).await;
    let (load, people) = (env.load(RATE * 5.0), env.people(1_000).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    eventually("enough is not yet on the disk", DRAINED_WITHIN, || async {
        (power.at_stake(&env.stack.redis) >= AT_STAKE).then_some(())
    })
    .await;
    power.fails(&mut env.stack.redis).await;
    env.stack.redis.restart().await;
    lost(&env.evidence(asking.await.expect("the clients"), HashSet::new()).await)
}

fn lost(evidence: &Evidence) -> usize {
    evidence.accepted().into_iter().filter(|job| !evidence.records.contains_key(*job)).count()
}
