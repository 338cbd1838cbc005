//! 16: scripts are flushed ten times a second, and replies are cut off after their script ran.

use std::collections::HashSet;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::scenario_result::ScenarioResult;

/// How often scripts are flushed.
const FLUSHED_EVERY: Duration = Duration::from_millis(100);

/// The share of replies that are cut off.
const CUT: f64 = 0.01;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(800, 6_000);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(4).apis(0).workers(0)).await;
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    env.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
    let flushing = tokio::spawn(flush(env.redis().await));
    proxy.carry(Flow::Pass, Flow::Lose(CUT));
    let asked = env.load(100.0).run(env.people(jobs).await).await;
    let drained = env.drained(Duration::from_mins(1)).await;
    proxy.heal();
    flushing.abort();

    result.exactly("errors to clients", errors(&asked), 0);
    result.within("drained", drained, Duration::from_mins(1));
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("jobs stored", evidence.records.len(), jobs);
    result.exactly("SMS", evidence.ledger.len(), jobs);
    let counted_twice = evidence.records.values().filter(|record| record.handed != 1).count();
    result.exactly("jobs whose sends were miscounted", counted_twice, 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

async fn flush(mut redis: MultiplexedConnection) {
    let mut tick = tokio::time::interval(FLUSHED_EVERY);
    loop {
        tick.tick().await;
        let _: Result<String, _> = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis).await;
    }
}

fn errors(asked: &[ClientRequest]) -> usize {
    let told = asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| &attempt.told);
    told.filter(|told| !matches!(told, ClientAnswer::Accepted { .. })).count()
}
