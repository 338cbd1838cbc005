//! 13: Sentinel replaces the master: on request, on request as in the runbook, and after a kill -9; and a master is cut
//! off from its replica and then replaced by it, with and without confirmation by replicas.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::refusals;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::redis_sentinels::{MASTER, RedisSentinels};
use tests::redis_server::RedisServer;

/// Longest time in which no job is accepted.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// Requests a second.
const RATE: f64 = 100.0;

/// How the master is replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replacement {
    /// `SENTINEL FAILOVER`: the old master takes writes until Sentinel tells it, seconds later.
    Request,
    /// kill -9.
    Death,
    /// `deploy/redis/fail-over`: the old master takes no writes in that time.
    Plan,
}

/// One kind of fail-over.
struct Case {
    name: &'static str,
    by: Replacement,
    replicas: usize,
    /// `RESEND_REDIS_MIN_REPLICAS`.
    confirm: usize,
    /// Whether nothing may be lost; otherwise something must be lost.
    safe: bool,
}

/// The last is the control: while Sentinel promotes one replica on request, the old master goes on for about a second,
/// and the other replica confirms writes that will be lost. To prevent that, all replicas must confirm, or there must
/// be only one, or the request must be made as in the runbook.
const CASES: [Case; 5] = [
    case("on request, the only replica confirms", Replacement::Request, 1, 1, true),
    case("kill -9, 1 of 2 confirms", Replacement::Death, 2, 1, true),
    case("on request, 2 of 2 confirm", Replacement::Request, 2, 2, true),
    case("as planned, 1 of 2 confirms", Replacement::Plan, 2, 1, true),
    case("on request, 1 of 2 confirms (the control)", Replacement::Request, 2, 1, false),
];

const fn case(name: &'static str, by: Replacement, replicas: usize, confirm: usize, safe: bool) -> Case {
    Case { name, by, replicas, confirm, safe }
}

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    // The short form has the hardest of them.
    for case in setup.size(&CASES[..1], &CASES[..]) {
        fail_over(setup, case, &mut result).await;
    }
    if setup.short {
        return result;
    }
    let with_wait = promote_cut_off_replica(1, &mut result).await;
    result.exactly("lost by promotion of a cut-off replica with WAIT", with_wait, 0);
    let control = promote_cut_off_replica(0, &mut result).await;
    result.at_least("lost by the control without WAIT", control, 1);
    result
}

async fn fail_over(setup: Setup, case: &Case, result: &mut ScenarioResult) {
    let name = case.name;
    let mut env = ChaosEnv::start(fleet(setup.size(6, 30)).apis(0).workers(0)).await;
    let mut redis = RedisSentinels::with_replicas(&env.stack.folder().join("sentinels"), case.replicas).await;
    for (name, value) in [("RESEND_REDIS_URL", redis.urls().as_str()), ("RESEND_REDIS_MODE", "sentinel")] {
        env.stack.set(name, value);
    }
    env.stack.set("RESEND_REDIS_SENTINEL_MASTER", MASTER);
    env.stack.set("RESEND_REDIS_MIN_REPLICAS", case.confirm);
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
    let jobs = setup.size(800, 3_000);
    let (load, people) = (env.load(RATE).at_once(500), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    env.messages_reach(jobs / 4, Duration::from_secs(30)).await;
    let master = replace_master(&mut redis, case.by).await;
    let asked = asking.await.expect("the clients");
    env.stack.redis = redis.servers.remove(master);
    let drained = env.drained(Duration::from_mins(1)).await;
    result.require(drained.is_some(), "", format!("{name}: not drained"));
    let evidence = env.evidence(asked, HashSet::new()).await;
    let lost = evidence.accepted().into_iter().filter(|job| !evidence.records.contains_key(*job)).count();
    let seen = format!("of {} acknowledged lost, {name}", evidence.accepted().len());
    if !case.safe {
        result.at_least(&seen, lost, 1);
        return env.close(result);
    }
    result.exactly(&seen, lost, 0);
    result.within(
        "longest without a 202",
        Some(refusals::longest_without_a_202(&evidence.asked)),
        REFUSED_WITHIN,
    );
    result.exactly("with two SMS", evidence.with_messages(2), 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, result).await;
    env.close(result);
}

/// Returns the server that is then the master.
async fn replace_master(redis: &mut RedisSentinels, by: Replacement) -> usize {
    let old = redis.master_port().await.expect("there is a master");
    match by {
        Replacement::Request => redis.fail_over().await,
        Replacement::Death => redis.servers[0].kill().await,
        Replacement::Plan => redis.fail_over_as_planned().await,
    }
    let new = eventually("the sentinels name a new master", Duration::from_secs(30), || async {
        redis.master_port().await.filter(|port| *port != old)
    })
    .await;
    redis.servers.iter().position(|server| server.port() == new).expect("one of ours")
}

/// A replica is cut off for a while, then its master dies and it takes over: returns how many acknowledged jobs it
/// lacks.
async fn promote_cut_off_replica(min_replicas: usize, result: &mut ScenarioResult) -> usize {
    let mut env = ChaosEnv::start(fleet(4).workers(0).apis(0)).await;
    env.stack.set("RESEND_REDIS_MIN_REPLICAS", min_replicas);
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    let of = format!("127.0.0.1 {}", proxy.port());
    let folder = env.stack.folder().join("replica");
    let arguments = ["--appendonly", "yes", "--replicaof", &of];
    let replica = RedisServer::start_with(&folder, &arguments).await;
    eventually("the replica is in step", Duration::from_secs(20), || async {
        let info: String = replica.command(&["INFO", "replication"]).await;
        (info.contains("master_link_status:up")).then_some(())
    })
    .await;
    env.add_api(&[]).await;
    let before = env.ask_all(100).await;
    let start = Instant::now();
    proxy.carry(Flow::Pass, Flow::Swallow);
    let load = env.load(RATE).patience(Duration::ZERO);
    let cut_off = load.run(env.people(300).await).await;
    result.note(format!("replica cut off {:.0} s", start.elapsed().as_secs_f64()));
    env.stack.redis.kill().await;
    let _: String = replica.command(&["REPLICAOF", "NO", "ONE"]).await;
    env.stack.redis = replica;
    let evidence = env.evidence([before, cut_off].concat(), HashSet::new()).await;
    let lost = evidence.accepted().into_iter().filter(|job| !evidence.records.contains_key(*job)).count();
    env.close(result);
    lost
}
