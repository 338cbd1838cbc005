//! 5: every API and every worker is replaced, one after the other, while clients keep sending requests.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;
use tests::stack::Member;

/// Processes of each kind.
const PROCESSES: usize = 3;

/// Longest a stop may take (contract, section 7).
const STOPS_WITHIN: Duration = Duration::from_secs(25);

/// How often a load balancer checks whether a process is ready.
const PROBED_EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (jobs, rate) = setup.size((1_500, 100.0), (12_000, 200.0));
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(30).apis(PROCESSES).workers(PROCESSES)).await;
    let (load, people) = (env.load(rate), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    let mut slowest = Duration::ZERO;
    for _ in 0..PROCESSES {
        env.add_api(&[]).await;
        let old = env.stack.apis.remove(0);
        slowest = slowest.max(stop(old, &env, &mut result).await);
        env.stack.add_worker(&[]).await;
        let old = env.stack.workers.remove(0);
        slowest = slowest.max(stop(old, &env, &mut result).await);
    }
    result.require(!asking.is_finished(), "", "the load ended before the restarts did");
    let asked = asking.await.expect("the clients");
    result.within("slowest exit", Some(slowest), STOPS_WITHIN);
    result.exactly(&format!("of {jobs} requests failed"), failed(&asked), 0);
    result.within("drained", env.drained(Duration::from_mins(1)).await, Duration::from_mins(1));
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("lost", jobs - evidence.in_state("processed"), 0);
    result.exactly("second SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Tells a process to stop, removes it from the clients' list when it reports that it is not ready, and waits for its
/// end.
async fn stop(mut old: Member, env: &ChaosEnv, result: &mut ScenarioResult) -> Duration {
    let (start, url) = (Instant::now(), old.url.clone());
    old.process.signal("TERM").await;
    unready(&url).await;
    env.targets.remove(&url);
    let status = old.process.ended(STOPS_WITHIN * 2).await;
    result.require(status.success(), "", format!("ended with {status}"));
    start.elapsed()
}

async fn unready(url: &str) {
    let (client, mut probe) = (reqwest::Client::new(), tokio::time::interval(PROBED_EVERY));
    loop {
        probe.tick().await;
        let answer = client.get(format!("{url}/readyz")).send().await;
        if !answer.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
    }
}

/// Requests that were accepted and not answered properly. If a port is closed, the request goes to the next API, as
/// behind a load balancer.
fn failed(asked: &[ClientRequest]) -> usize {
    let told = asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| &attempt.told);
    told.filter(|told| !matches!(told, ClientAnswer::Accepted { .. } | ClientAnswer::Unreached)).count()
}
