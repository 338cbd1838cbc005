//! 10: a Redis that would lose or evict jobs: both programs warn at start, and with `RESEND_STRICT` no job is accepted.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::client_request::ClientAnswer;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::process::program;
use tests::stack::StackBuilder;

const NO_AOF: [&str; 4] = ["--appendonly", "no", "--save", ""];
const EVICTING: [&str; 8] = [
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--maxmemory",
    "200mb",
    "--maxmemory-policy",
    "allkeys-lru",
];

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    for (name, redis) in [("no AOF", &NO_AOF[..]), ("evicting", &EVICTING[..])] {
        warned(name, fleet(3).redis(redis), &mut result).await;
        strict(name, fleet(3).redis(redis).set("RESEND_STRICT", true), setup, &mut result).await;
    }
    result
}

/// Without `RESEND_STRICT` it works, but both programs report the problem.
async fn warned(name: &str, fleet: StackBuilder, result: &mut ScenarioResult) {
    let env = ChaosEnv::start(fleet).await;
    let members: Vec<_> = env.stack.apis.iter().chain(&env.stack.workers).collect();
    let loud = |log: String| log.lines().any(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""));
    for member in members {
        let what = format!("{name}: a warning at start");
        eventually(what, Duration::from_secs(5), || async { loud(member.process.log()).then_some(()) }).await;
    }
    let mut doctor = tokio::process::Command::new(program("resendctl"));
    doctor.arg("doctor").env_clear().envs(env.stack.settings().iter().cloned());
    let told = doctor.output().await.map(|output| (output.status.success(), output.stdout));
    match told {
        Ok((well, text)) => result.require(
            !well && !text.is_empty(),
            format!("{name}: doctor complains"),
            "and exits non-zero",
        ),
        Err(error) => result.wrong.push(format!("doctor: {error}")),
    }
    result.note(format!("{name}: start-up warns"));
    env.close(result);
}

async fn strict(name: &str, fleet: StackBuilder, setup: Setup, result: &mut ScenarioResult) {
    let env = ChaosEnv::start(fleet).await;
    let jobs = setup.size(100, 1_000);
    let load = env.load(200.0).patience(Duration::from_millis(100));
    let asked = load.run(env.people(jobs).await).await;
    let told = asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| &attempt.told);
    let accepted = told.filter(|told| matches!(told, ClientAnswer::Accepted { .. })).count();
    result.exactly(&format!("202 with strict, {name}"), accepted, 0);
    result.exactly("SMS", env.messages(), 0);
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.require(evidence.records.is_empty(), "", "jobs were stored");
    env.close(result);
}
