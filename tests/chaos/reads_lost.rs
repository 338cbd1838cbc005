//! 43: replies of Redis to workers are lost, including those of reads and take-overs. No delivery is counted for a run
//! that never began, so nothing is quarantined, and a lost reply costs at most a lease.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::scenario_result::ScenarioResult;
use tests::keys::keys;

/// The lease, seconds.
const LEASE: u64 = 4;

/// The share of lost replies.
const LOST: f64 = 0.05;

/// One lease, a sweep, and the time to reconnect.
const DRAINED_WITHIN: Duration = Duration::from_secs(LEASE + 6 + 5);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(400, 4_000);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(LEASE).workers(0)).await;
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    env.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
    proxy.carry(Flow::Pass, Flow::Lose(LOST));
    let asked = env.load(50.0).run(env.people(jobs).await).await;
    proxy.heal();
    result.within("drained after", env.drained(DRAINED_WITHIN).await, DRAINED_WITHIN);
    let set_aside: usize = env.stack.redis.command(&["XLEN", &keys().quarantine()]).await;
    result.exactly("set aside", set_aside, 0);
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly(&format!("of {jobs} processed"), evidence.in_state("processed"), jobs);
    result.exactly("second SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}
