//! No message begins with less than a second left until the deadline, whatever the clocks do.

use std::time::Duration;

use shared::domain::clock::now_ms;
use shared::sending::guard::SendDecision;
use tests::eventually::eventually;

use super::{TestSendGuard, phone};
use crate::test_queue::job;

#[tokio::test]
async fn no_leave_is_given_in_the_last_second_and_none_outlasts_it() {
    let fixture = TestSendGuard::one(&[]).await;
    let delivery = fixture.held(&job()).await;
    fixture.set_record(&delivery, "deadline", &(now_ms() + 900).to_string()).await;
    assert!(matches!(fixture.leave(&delivery, &phone(1)).await, SendDecision::Late));
    assert_eq!(fixture.counted().await, [0; 4]);
    fixture.set_record(&delivery, "deadline", &(now_ms() + 1_400).to_string()).await;
    let permit = fixture.permit(&delivery, &phone(1)).await;
    assert!(permit.may_submit());
    eventually("the permit expires", Duration::from_millis(500), || async {
        (!permit.may_submit()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn leave_asked_for_again_is_not_longer() {
    let fixture = TestSendGuard::one(&[]).await;
    let delivery = fixture.held(&job()).await;
    fixture.permit(&delivery, &phone(1)).await;
    fixture.set_record(&delivery, "deadline", &(now_ms() + 900).to_string()).await;
    assert!(matches!(fixture.leave(&delivery, &phone(1)).await, SendDecision::Late));
}

#[tokio::test]
async fn a_clock_that_was_set_back_gives_a_job_no_more_than_one_deadline_more() {
    let fixture = TestSendGuard::one(&[("RESEND_JOB_DEADLINE_SECONDS", "60")]).await;
    let delivery = fixture.held(&job()).await;
    // As seen after the clock was set back by two hours.
    fixture.set_record(&delivery, "deadline", &(now_ms() + 7_260_000).to_string()).await;
    fixture.permit(&delivery, &phone(1)).await;
    let deadline: u64 = fixture.record(&delivery, "deadline").await.unwrap().parse().unwrap();
    assert!(deadline <= now_ms() + 60_000);
}

#[tokio::test]
async fn leave_lasts_no_longer_than_a_third_of_a_lease() {
    let fixture = TestSendGuard::one(&[("RESEND_LEASE_SECONDS", "2")]).await;
    let permit = fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    assert!(permit.may_submit());
    eventually("the permit expires", Duration::from_secs(1), || async {
        (!permit.may_submit()).then_some(())
    })
    .await;
}
