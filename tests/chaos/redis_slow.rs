//! 15: Redis is slow, frozen, or behind half-open connections.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::refusals;
use tests::chaos::scenario_result::ScenarioResult;

/// Requests a second.
const RATE: f64 = 60.0;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (seconds, lease) = setup.size((5, 4), (40, 30));
    let trouble = Duration::from_secs(seconds);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(lease).apis(0).workers(0)).await;
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    env.stack.set("RESEND_REDIS_URL", proxy.redis_url());
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;

    let mut asked = slow(&env, &proxy, trouble).await;
    asked.extend(frozen(&env, trouble).await);
    asked.extend(half_open(&env, &proxy, trouble).await);
    let drained = env.drained(Duration::from_mins(2)).await;
    result.within("nothing pending after", drained, Duration::from_secs(lease + 6));
    result.exactly("processes exited", env.exited(), 0);
    refusals::report(&asked, &mut result);
    // A message that was submitted while Redis could not be reached may be submitted once more.
    let excused: HashSet<String> = asked.iter().flat_map(ClientRequest::jobs).map(str::to_owned).collect();
    let evidence = env.evidence(asked, excused).await;
    result.note(format!(
        "{} processed, {} with two SMS",
        evidence.in_state("processed"),
        evidence.with_messages(2)
    ));
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// As many clients as fit into the time, each repeating its request until it is accepted.
async fn ask_for(env: &ChaosEnv, time: Duration) -> tokio::task::JoinHandle<Vec<ClientRequest>> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let count = (RATE * (time.as_secs_f64() + 2.0)) as usize;
    let (load, people) = (env.load(RATE).at_once(400), env.people(count).await);
    tokio::spawn(async move { load.run(people).await })
}

async fn slow(env: &ChaosEnv, proxy: &Proxy, time: Duration) -> Vec<ClientRequest> {
    let asking = ask_for(env, time).await;
    proxy.carry(Flow::Delay(Duration::from_millis(150)), Flow::Delay(Duration::from_millis(150)));
    tokio::time::sleep(time).await;
    proxy.carry(Flow::Pass, Flow::Pass);
    asking.await.expect("the clients")
}

async fn frozen(env: &ChaosEnv, time: Duration) -> Vec<ClientRequest> {
    let asking = ask_for(env, time).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    env.stack.redis.process().signal("STOP").await;
    tokio::time::sleep(time).await;
    env.stack.redis.process().signal("CONT").await;
    asking.await.expect("the clients")
}

async fn half_open(env: &ChaosEnv, proxy: &Proxy, time: Duration) -> Vec<ClientRequest> {
    let asking = ask_for(env, time).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    proxy.carry(Flow::Swallow, Flow::Swallow);
    tokio::time::sleep(time).await;
    proxy.heal();
    asking.await.expect("the clients")
}
