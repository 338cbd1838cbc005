//! 4: an API dies after its jobs are stored, but before any client got an answer; the clients repeat their requests at
//! another API, with their keys.

use std::collections::{HashMap, HashSet};
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::keys::keys;

/// Requests that the API is handling when it dies.
const CONCURRENT_REQUESTS: usize = 50;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let rounds = setup.size(2, 10);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(3).workers(0)).await;
    let mut asked = Vec::new();
    for round in 1..=rounds {
        asked.extend(one_round(&mut env, round).await);
    }
    let told_twice = asked.iter().filter(|asked| asked.jobs().collect::<HashSet<_>>().len() != 1).count();
    result.exactly("clients told of more than one job, or none", told_twice, 0);
    let evidence = env.evidence(asked, HashSet::new()).await;
    let keys = rounds * CONCURRENT_REQUESTS;
    // Each round also sends jobs to warm up its API.
    result.exactly(
        &format!("jobs stored for {keys} keys"),
        evidence.records.len(),
        keys + rounds * warm_ups(),
    );
    let left = evidence.asked.iter().filter(|asked| asked.attempts[0].told == ClientAnswer::Broken).count();
    result.at_least("clients left without an answer at first", left, keys / 2);
    env.stack.add_worker(&[]).await;
    result.within("drained", env.drained(Duration::from_mins(1)).await, Duration::from_mins(1));
    let evidence = env.evidence(evidence.asked, HashSet::new()).await;
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// An API that gets no replies from Redis takes requests, and is killed when all of them are stored.
async fn one_round(env: &mut ChaosEnv, round: usize) -> Vec<ClientRequest> {
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    let url = proxy.redis_url();
    let doomed = env.stack.add_api(&[("RESEND_REDIS_URL", &url)]).await;
    env.targets.set(&env.stack.apis[doomed..]);
    // The first requests load the script and the token, and make each server thread connect to Redis, so that each
    // later one needs a single reply: the lost one.
    let warm = env.load(10_000.0).run(env.people(warm_ups()).await).await;
    assert!(warm.iter().all(|asked| asked.job().is_some()), "the API serves before it dies");
    proxy.carry(Flow::Pass, Flow::Swallow);
    let (load, people) = (env.load(2_000.0), env.people(CONCURRENT_REQUESTS).await);
    let stored = round * (CONCURRENT_REQUESTS + warm_ups());
    let asking = tokio::spawn(async move { load.run(people).await });
    eventually("all are stored", Duration::from_secs(10), || async {
        let entries: usize = env.stack.redis.command(&["XLEN", &keys().stream()]).await;
        (entries >= stored).then_some(())
    })
    .await;
    let mut dead = env.stack.apis.remove(doomed);
    dead.process.kill().await;
    env.targets.set(&env.stack.apis);
    let asked = asking.await.expect("the clients");
    ask_once_more(env, asked).await
}

/// Enough simultaneous requests to reach each thread of the server, which has one per core.
fn warm_ups() -> usize {
    2 * available_parallelism().map_or(1, NonZero::get)
}

/// A client that got an answer asks again with its key, and must get the same answer.
async fn ask_once_more(env: &ChaosEnv, asked: Vec<ClientRequest>) -> Vec<ClientRequest> {
    let load = env.load(2_000.0);
    let mut again = HashMap::new();
    for one in &asked {
        again.insert(one.key.clone(), load.ask(&one.person, &one.key).await);
    }
    let add = |mut asked: ClientRequest| {
        asked.attempts.extend(again.remove(&asked.key));
        asked
    };
    asked.into_iter().map(add).collect()
}
