//! Codes while `RESEND_OTP_KEY` is rotated: sent codes stay valid, and no count starts afresh.

use super::*;

/// Guard and codes of a process that has the new key and the old one.
fn rotated(fixture: &TestSendGuard) -> (SendGuard, Codes) {
    let keys = format!("{LATER_KEY},{KEY}");
    fixture.beside(&[MANY[0], MANY[1], ("RESEND_OTP_KEY", &keys)])
}

async fn sent_by((guard, codes): &(SendGuard, Codes), fixture: &TestSendGuard) -> Code {
    passed(clock::now_ms()).await;
    let delivery = fixture.held(&job()).await;
    let offered = offer(guard, codes, &delivery).await.unwrap();
    end_sent(fixture, &delivery, offered.taken_after(Duration::ZERO)).await;
    offered.code
}

#[tokio::test]
async fn a_code_that_is_out_stays_its_jobs_code() {
    let fixture = fixture().await;
    let rotated = rotated(&fixture);
    let first = under_way(&fixture).await;
    let again = fixture.again(&first.delivery).await;
    let repeated = offer(&rotated.0, &rotated.1, &again).await.unwrap();
    assert_eq!(&repeated.code, first.code(), "a second message brings the same code");
    let delivery = fixture.held(&job()).await;
    let next = offer(&rotated.0, &rotated.1, &delivery).await.unwrap();
    assert_ne!(&next.code, first.code());
    assert!(is_right(&rotated.1, first.code()).await && is_right(&rotated.1, &next.code).await);
}

#[tokio::test]
async fn a_code_that_was_used_stays_used() {
    let fixture = fixture().await;
    let rotated = rotated(&fixture);
    let first = under_way(&fixture).await;
    assert!(is_right(&rotated.1, first.code()).await);
    let again = fixture.again(&first.delivery).await;
    assert!(offer(&rotated.0, &rotated.1, &again).await.is_none());
}

#[tokio::test]
async fn a_code_under_the_new_key_ends_the_one_under_the_old() {
    let fixture = fixture().await;
    let rotated = rotated(&fixture);
    let first = sent(&fixture).await;
    let next = sent_by(&rotated, &fixture).await;
    assert_eq!(check(&rotated.1, &first).await, Checked::Wrong);
    assert!(is_right(&rotated.1, &next).await);
}

#[tokio::test]
async fn a_code_used_before_the_end_of_its_job_ends_the_one_under_the_old_key() {
    let fixture = fixture().await;
    let rotated = rotated(&fixture);
    let first = sent(&fixture).await;
    passed(clock::now_ms()).await;
    let delivery = fixture.held(&job()).await;
    let next = offer(&rotated.0, &rotated.1, &delivery).await.unwrap();
    assert!(is_right(&rotated.1, &next.code).await);
    assert_eq!(check(&rotated.1, &first).await, Checked::Wrong);
}

#[tokio::test]
async fn a_code_sent_again_under_the_old_key_ends_the_one_under_the_new() {
    let fixture = fixture().await;
    let rotated = rotated(&fixture);
    let first = under_way(&fixture).await;
    let next = sent_by(&rotated, &fixture).await;
    passed(clock::now_ms()).await;
    let again = fixture.again(&first.delivery).await;
    let repeated = offer(&rotated.0, &rotated.1, &again).await.unwrap();
    end_sent(&fixture, &again, repeated.taken_after(Duration::ZERO)).await;
    assert_eq!(check(&rotated.1, &next).await, Checked::Wrong);
    assert!(is_right(&rotated.1, first.code()).await);
}

/// The three rolling restarts of the runbook: while one lasts, programs of two neighbouring steps run.
#[tokio::test]
async fn each_step_of_a_rotation_reads_the_codes_of_the_one_before_and_after() {
    let fixture = fixture().await;
    let with = |keys: &str| fixture.beside(&[MANY[0], MANY[1], ("RESEND_OTP_KEY", keys)]);
    let steps =
        [KEY.to_owned(), format!("{KEY},{LATER_KEY}"), format!("{LATER_KEY},{KEY}"), LATER_KEY.to_owned()];
    for pair in steps.windows(2) {
        let (before, after) = (with(&pair[0]), with(&pair[1]));
        for (sender, checker) in [(&before, &after), (&after, &before)] {
            let code = sent_by(sender, &fixture).await;
            assert!(is_right(&checker.1, &code).await, "{pair:?}");
        }
    }
}

#[tokio::test]
async fn two_keys_allow_no_more_guesses_than_one() {
    let fixture = fixture().await;
    let rotated = rotated(&fixture);
    sent(&fixture).await;
    let next = sent_by(&rotated, &fixture).await;
    for _ in 0..5 {
        assert_eq!(check(&rotated.1, &other_than(&next)).await, Checked::Wrong);
    }
    assert!(matches!(check(&rotated.1, &next).await, Checked::Spent(_)));
}

#[tokio::test]
async fn a_rotation_is_no_fresh_start_for_a_phones_limits() {
    let limit = ("RESEND_LIMIT_PER_PHONE_HOUR", "2");
    let fixture = TestSendGuard::one(&[limit]).await;
    sent(&fixture).await;
    let keys = format!("{LATER_KEY},{KEY}");
    let rotated = fixture.beside(&[limit, ("RESEND_OTP_KEY", &keys)]);
    sent_by(&rotated, &fixture).await;
    let delivery = fixture.held(&job()).await;
    let third = rotated.0.ask(&delivery, &phone(1), Some(&rotated.1)).await.unwrap();
    assert!(matches!(third, SendDecision::LimitReached(_)), "{third:?}");
}
