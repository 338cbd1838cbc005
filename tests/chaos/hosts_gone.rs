//! 37: hosts are gone, so that packets to them are dropped: the gateway and the registry for a while; the first
//! sentinel, and then the master as well. Needs root and `iptables`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tests::chaos::black_hole::BlackHole;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::Proxy;
use tests::chaos::refusals;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::redis_sentinels::{MASTER, RedisSentinels};

use crate::gateway_away::{port_of, url_at};

/// Longest time until jobs are accepted and sent again after the fail-over.
const AGAIN_WITHIN: Duration = Duration::from_secs(10);

/// Requests a second.
const RATE: f64 = 50.0;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    upstreams_gone(setup, &mut result).await;
    if result.not_run.is_none() {
        sentinel_and_master_gone(setup, &mut result).await;
    }
    result
}

/// Gateway and registry: every job ends well once they are back.
async fn upstreams_gone(setup: Setup, result: &mut ScenarioResult) {
    let (jobs, gone) = setup.size((50, 6), (500, 60));
    let mut env = ChaosEnv::start(fleet(30).workers(0)).await;
    let (gateway, registry) = (Proxy::to(port_of(&env)).await, Proxy::to(port_of(&env)).await);
    let (gateway, registry) = (gateway.expect("a proxy"), registry.expect("a proxy"));
    env.stack.set("RESEND_SMS_URL", url_at(gateway.port()));
    env.stack.set("RESEND_REGISTRY_URL", format!("http://127.0.0.1:{}/registry", registry.port()));
    env.stack.add_worker(&[]).await;
    let Some(holes) = BlackHole::at(gateway.port()).zip(BlackHole::at(registry.port())) else {
        return result.not_run = Some("no iptables, or no right to use it".to_owned());
    };
    let asked = env.ask_all(jobs).await;
    tokio::time::sleep(Duration::from_secs(gone)).await;
    drop(holes);
    let drained = env.drained(Duration::from_mins(1)).await;
    result.within("gateway and registry gone, drained after", drained, Duration::from_mins(1));
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly(&format!("of {jobs} processed"), evidence.in_state("processed"), jobs);
    env.check(&evidence, result).await;
    env.close(result);
}

/// The first sentinel's host, and then the master's: new processes connect at once, and a new master is found.
async fn sentinel_and_master_gone(setup: Setup, result: &mut ScenarioResult) {
    let jobs = setup.size(400, 3_000);
    let mut env = ChaosEnv::start(fleet(6).apis(0).workers(0)).await;
    let mut redis = RedisSentinels::with_replicas(&env.stack.folder().join("sentinels"), 2).await;
    env.stack.set("RESEND_REDIS_URL", redis.urls());
    env.stack.set("RESEND_REDIS_MODE", "sentinel");
    env.stack.set("RESEND_REDIS_SENTINEL_MASTER", MASTER);
    env.stack.set("RESEND_REDIS_MIN_REPLICAS", 1);
    let sentinel = BlackHole::at(redis.sentinel_port(0));
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    let first = env.ask_all(100).await;
    let slowest = first.iter().flat_map(|asked| &asked.attempts).map(|attempt| attempt.took).max();
    result.within("first sentinel gone, slowest answer", slowest, Duration::from_millis(2_500));

    let (load, people) = (env.load(RATE).at_once(500), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    env.messages_reach(100 + jobs / 4, Duration::from_secs(30)).await;
    let old = redis.servers[0].port();
    let master = BlackHole::at(old);
    let new = eventually("the sentinels name a new master", Duration::from_secs(30), || async {
        redis.master_port_by(1).await.filter(|port| *port != old)
    })
    .await;
    let (named, before) = (Instant::now(), env.messages());
    let again = env.messages_reach(before + 1, AGAIN_WITHIN * 3).await.map(|_| named.elapsed());
    result.within("sending again after the fail-over", again, AGAIN_WITHIN);
    let after = asking.await.expect("the clients");
    let without = refusals::longest_without_a_202(&after);
    result.note(format!("longest without a 202 {:.1} s", without.as_secs_f64()));
    let position = redis.servers.iter().position(|server| server.port() == new).expect("one of ours");
    env.stack.redis = redis.servers.remove(position);
    result.require(env.drained(Duration::from_mins(1)).await.is_some(), "", "not drained a minute later");
    let evidence = env.evidence([first, after].concat(), HashSet::new()).await;
    let lost = evidence.accepted().into_iter().filter(|job| !evidence.records.contains_key(*job)).count();
    result.exactly(&format!("of {} acknowledged lost", evidence.accepted().len()), lost, 0);
    env.check(&evidence, result).await;
    result.exactly("processes exited", env.exited(), 0);
    env.close(result);
    drop((sentinel, master));
}
