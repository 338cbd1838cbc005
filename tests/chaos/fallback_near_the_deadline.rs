//! 42: two channels in order of fallback, the first slow to refuse, and jobs near their deadline. The second channel
//! must not be tried after the deadline, by the ledger's clock.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::scenario_result::ScenarioResult;

use crate::gateway_away::{port_of, url_at};

/// The deadline, seconds.
const DEADLINE: u64 = 10;

/// How long the first channel takes to refuse.
const SLOW: Duration = Duration::from_secs(6);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(20, 200);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(30).set("RESEND_JOB_DEADLINE_SECONDS", DEADLINE).workers(0)).await;
    let proxy = Proxy::to(port_of(&env)).await.expect("a proxy");
    proxy.carry(Flow::Pass, Flow::Delay(SLOW));
    env.stack.set("RESEND_SMS_CHANNEL", "http,turbosms");
    env.stack.set("RESEND_SMS_HTTP_URL", url_at(proxy.port()));
    let second = format!("{}/turbosms/message/send.json", env.stack.sandbox.url);
    env.stack.set("RESEND_SMS_TURBOSMS_URL", second);
    env.control.faults(&json!([{"target": "sms", "action": {"status": 429}}])).await;
    // Jobs wait long enough for a second try of the first channel to end after the deadline.
    let asked = env.ask_all(jobs).await;
    tokio::time::sleep(Duration::from_secs(DEADLINE - 5)).await;
    env.stack.add_worker(&[("RESEND_WORKER_CONCURRENCY", "8")]).await;
    let within = Duration::from_secs(DEADLINE + 25);
    result.within("ended after", env.drained(within).await, within);
    let evidence = env.evidence(asked, HashSet::new()).await;
    let late = evidence.ledger.iter().filter(|message| {
        let job = message.reference.as_deref().unwrap_or_default();
        evidence.records.get(job).is_some_and(|record| message.ts > record.deadline_ms)
    });
    result.exactly("SMS after the deadline", late.count(), 0);
    result.note(format!("{} sent in time", evidence.in_state("processed")));
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}
