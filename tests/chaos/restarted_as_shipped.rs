//! 30: Redis is stopped, and killed, and started again with exactly the files of `deploy/redis`. Waiting jobs, codes,
//! limits and idempotency keys must all be there afterwards; the control, with the earlier list of users, must lose
//! jobs.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::chaos::client_request::{ClientAnswer, ClientRequest, Person};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;
use tests::client::{Answer, ApiClient};
use tests::redis_server::Shipped;

/// Jobs that wait during the restart.
const WAITING: usize = 1_000;

/// Messages sent before: each left a valid code, and a limit in force. Half are checked after each restart.
const SENT: usize = 20;

/// Longest time until everything has ended once a worker is running.
const DRAINED_WITHIN: Duration = Duration::from_mins(1);

/// How Redis ends.
#[derive(Clone, Copy)]
enum End {
    Terminated,
    Killed,
}

pub(crate) async fn run(_setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(3).shipped_redis(Shipped::Exact)).await;
    let sent = env.ask_all(SENT).await;
    result.within("sent before", env.drained(DRAINED_WITHIN).await, DRAINED_WITHIN);
    stop_workers(&mut env).await;
    let waiting = env.ask_all(WAITING).await;
    for (end, sent) in [End::Terminated, End::Killed].into_iter().zip(sent.chunks(SENT / 2)) {
        restart(&mut env, end).await;
        let after = match end {
            End::Terminated => "SIGTERM",
            End::Killed => "kill -9",
        };
        result.exactly(&format!("of {WAITING} jobs lost by {after}"), jobs_lost(&env, &waiting).await, 0);
        result.exactly(&format!("keys lost by {after}"), keys_lost(&env, &waiting).await, 0);
        result.exactly(&format!("limits lost by {after}"), limits_lost(&env, sent).await, 0);
        result.exactly(&format!("codes lost by {after}"), codes_lost(&env, sent).await, 0);
    }
    env.stack.add_worker(&[]).await;
    result.within("drained", env.drained(DRAINED_WITHIN).await, DRAINED_WITHIN);
    result.exactly("messages", env.messages(), SENT + WAITING);
    result.exactly("processes exited", env.exited(), 0);
    env.close(&mut result);
    control(&mut result).await;
    result
}

/// The same with the earlier list of users, which must lose jobs, and of which the API warns.
async fn control(result: &mut ScenarioResult) {
    let fleet = fleet(3).workers(0).shipped_redis(Shipped::WithoutRightsToLoad);
    let mut env = ChaosEnv::start(fleet).await;
    let waiting = env.ask_all(WAITING / 10).await;
    let loses = !loads_without_rights(&env).await;
    let warned = env.stack.apis[0].process.log().contains("the user default may not run every command");
    result.require(
        warned == loses,
        "",
        "the API of the control warns of the user default where nothing is lost, or else does not",
    );
    restart(&mut env, End::Killed).await;
    let what = "lost by the control, default user without rights";
    let least = usize::from(loses);
    result.at_least(what, jobs_lost(&env, &waiting).await, least);
}

/// From version 9 on, Valkey checks no rights while it loads; seen with 9.1.
async fn loads_without_rights(env: &ChaosEnv) -> bool {
    let info: String = env.stack.redis.command(&["INFO", "server"]).await;
    let version = info.lines().find_map(|line| line.strip_prefix("valkey_version:"));
    version.and_then(|version| version.split('.').next()?.parse::<u32>().ok()).is_some_and(|major| major >= 9)
}

async fn stop_workers(env: &mut ChaosEnv) {
    for mut worker in std::mem::take(&mut env.stack.workers) {
        let _ = worker.process.stop(tests::stack::STOPS_WITHIN).await;
    }
}

async fn restart(env: &mut ChaosEnv, end: End) {
    let redis = &mut env.stack.redis;
    match end {
        End::Terminated => redis.terminate().await,
        End::Killed => redis.kill().await,
    }
    redis.restart().await;
}

fn client(env: &ChaosEnv, token: &str) -> ApiClient {
    ApiClient::new(&env.targets.next(), token)
}

/// Accepted jobs that are unknown now.
async fn jobs_lost(env: &ChaosEnv, waiting: &[ClientRequest]) -> usize {
    let client = client(env, "mis-a-token");
    let mut lost = 0;
    for job in waiting {
        let answer = client.get(&format!("/Jobs/{}", job.job().unwrap_or_default())).await;
        lost += usize::from(answer.status != 200);
    }
    lost
}

/// Idempotency keys that no longer return their job.
async fn keys_lost(env: &ChaosEnv, waiting: &[ClientRequest]) -> usize {
    let (load, mut lost) = (env.load(1.0), 0);
    for asked in waiting.iter().step_by(10) {
        let again = load.ask(&asked.person, &asked.key).await.told;
        let is_same =
            matches!(&again, ClientAnswer::Accepted { job, .. } if Some(job.as_str()) == asked.job());
        lost += usize::from(!is_same);
    }
    lost
}

/// Approvals that have just had a message and could get another one.
async fn limits_lost(env: &ChaosEnv, sent: &[ClientRequest]) -> usize {
    let (client, mut lost) = (client(env, "mis-a-token"), 0);
    for ClientRequest { person: Person { patient_id, approval_id, .. }, .. } in sent {
        lost += usize::from(client.resend(*patient_id, *approval_id).await.status != 429);
    }
    lost
}

/// Codes on phones that are no longer accepted.
async fn codes_lost(env: &ChaosEnv, sent: &[ClientRequest]) -> usize {
    let ledger = env.ledger().into_iter();
    let codes: HashMap<_, _> = ledger
        .map(|message| (message.to, message.text.rsplit(' ').next().unwrap_or_default().to_owned()))
        .collect();
    let (client, mut lost) = (client(env, "otp-token"), 0);
    for ClientRequest { person, .. } in sent {
        let path = format!("/verifications/{}/actions/complete", person.phone);
        let request = client.request(Method::PATCH, &path).json(&json!({"code": codes.get(&person.phone)}));
        lost += usize::from(Answer::of(request).await.status != 200);
    }
    lost
}
