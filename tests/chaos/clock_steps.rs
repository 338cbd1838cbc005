//! 34: Redis' clock steps by more than a lease, ahead and back, while messages are at the gateway and other jobs are
//! scheduled. No worker died, so nothing may be taken over, and nothing may be sent twice or after its deadline.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::clock::Clock;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;

use crate::clock_jumps::by_the_wall;

/// The default lease: a step of a second more makes every entry claimable.
const LEASE: u64 = 30;

/// How long the gateway takes to answer.
const GATEWAY_MS: u64 = 5_000;

/// Jobs at the gateway and scheduled jobs, at each step.
const AT_THE_GATEWAY: usize = 25;
const PUT_BACK: usize = 10;

/// The deadline, seconds: longer than any step ahead, which shortens the time left to a scheduled job.
const DEADLINE: u64 = 240;

/// Longest time until the messages are at the gateway: it asks for three seconds up to ten times, one after the other
/// if its first answer came before the other jobs ran.
const REACHED_WITHIN: Duration = Duration::from_secs(40);

/// Longest time until all jobs of a step have ended.
const ENDED_WITHIN: Duration = Duration::from_mins(1);

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let steps: &[i64] = setup.size(&[31, -7_200], &[31, 60, 120, -7_200]);
    let Some(clock) = Clock::new() else {
        return ScenarioResult::not_run("there is no C compiler, cc, for the shim");
    };
    let mut result = ScenarioResult::default();
    let fleet = fleet(LEASE).set("RESEND_JOB_DEADLINE_SECONDS", DEADLINE).workers(2);
    let mut env = ChaosEnv::start(fleet.redis_environment(&clock.environment())).await;
    let (mut asked, mut offset) = (Vec::new(), 0);
    for step in steps {
        let before = env.messages();
        let put_back =
            json!({"target": "sms", "action": {"status": 429, "retry_after": 3}, "times": PUT_BACK});
        let slow = json!({"target": "sms", "action": {"delay_ms": GATEWAY_MS, "accept": true}});
        env.control.faults(&json!([put_back, slow])).await;
        asked.extend(env.ask_all(PUT_BACK + AT_THE_GATEWAY).await);
        let reached = env.messages_reach(before + AT_THE_GATEWAY, REACHED_WITHIN).await;
        result.require(reached.is_some(), "", format!("step {step} s: not all messages are at the gateway"));
        offset += step;
        clock.set(offset);
        // It has no earlier reading of the clock.
        env.stack.add_worker(&[]).await;
        result.within(&format!("step {step} s, all ended"), env.drained(ENDED_WITHIN).await, ENDED_WITHIN);
    }
    let evidence = by_the_wall(env.evidence(asked, HashSet::new()).await, DEADLINE);
    result.exactly("second SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    result.exactly("processed", evidence.in_state("processed"), steps.len() * (PUT_BACK + AT_THE_GATEWAY));
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}
