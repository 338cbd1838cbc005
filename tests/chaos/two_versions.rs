//! 8: an older worker runs beside this one. `RESEND_OLD_WORKER` is the path of a `resend-worker` built from an earlier
//! commit. Without it, the messages of a later API are tried.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let Some(old) = std::env::var_os("RESEND_OLD_WORKER").map(PathBuf::from) else {
        return ScenarioResult::not_run(
            "RESEND_OLD_WORKER does not name a resend-worker of an earlier build",
        );
    };
    let jobs = setup.size(600, 4_000);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(10)).await;
    env.stack.add_worker_of(&old).await;
    let asked = env.load(100.0).run(env.people(jobs).await).await;
    result.within("drained", env.drained(Duration::from_mins(1)).await, Duration::from_mins(1));
    let evidence = env.evidence(asked, HashSet::new()).await;
    for (name, member) in ["present", "older"].iter().zip(&env.stack.workers) {
        let ended = member.process.log().matches("job ended").count();
        result.at_least(&format!("by the {name} worker"), ended, 1);
    }
    result.exactly("failed for their version", jobs - evidence.in_state("processed"), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}
