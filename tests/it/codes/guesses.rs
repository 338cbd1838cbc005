//! Limits on guesses: at each code, for a phone whatever was resent, and of a client.

use futures_util::future::join_all;
use shared::domain::clock::now_ms;
use shared::sending::codes::{Checked, Code};
use shared::sending::phone_names::PhoneNames;
use shared::sending::phones::Phones;
use shared::settings::{MessageLimits, OtpConfig, Settings};
use tests::keys::keys;

use super::*;

/// The operator's view and actions.
fn phones(fixture: &TestSendGuard) -> Phones {
    let settings = Settings::from_pairs([("RESEND_OTP_KEY", KEY)]).unwrap();
    let otp = OtpConfig::from_settings(&settings).unwrap();
    let allowed = MessageLimits::from_settings(&settings).unwrap();
    Phones::new(allowed, PhoneNames::new([&otp.key]), fixture.queue.clone())
}

/// Checks by different clients, so that none of them reaches its limit.
async fn fail(fixture: &TestSendGuard, code: &Code, times: u32) -> Vec<Checked> {
    let wrong = other_than(code);
    let mut checked = Vec::new();
    for number in 0..times {
        let client = format!("verifier-{number}").parse().unwrap();
        checked.push(fixture.codes.check(&client, &phone(1), &wrong).await.unwrap());
    }
    checked
}

fn is_spent(checked: &Checked) -> bool {
    matches!(checked, Checked::Spent(_))
}

#[tokio::test]
async fn a_patient_with_five_typing_errors_asks_again_and_types_the_right_code() {
    let fixture = fixture().await;
    let first = sent(&fixture).await;
    assert!(fail(&fixture, &first, 5).await.iter().all(|checked| *checked == Checked::Wrong));
    let Checked::Spent(next) = check(&fixture.codes, &first).await else { panic!("a sixth comparison") };
    assert!((1..=300_000).contains(&(next.at_ms - next.now_ms)), "{next:?}");
    let second = sent(&fixture).await;
    assert!(is_right(&fixture.codes, &second).await);
}

#[tokio::test]
async fn a_phone_stands_fifteen_failed_checks_in_an_hour_whatever_was_resent() {
    let fixture = fixture().await;
    let mut compared = 0;
    for _ in 0..5 {
        let code = sent(&fixture).await;
        compared +=
            fail(&fixture, &code, 7).await.iter().filter(|checked| **checked == Checked::Wrong).count();
    }
    assert_eq!(compared, 15);
    let code = sent(&fixture).await;
    let Checked::Spent(next) = check(&fixture.codes, &code).await else { panic!("the phone is not locked") };
    assert!((3_500_000..=3_600_000).contains(&(next.at_ms - next.now_ms)), "{next:?}");
    age(&fixture, Duration::from_secs(3_601)).await;
    let code = sent(&fixture).await;
    assert!(is_right(&fixture.codes, &code).await, "no phone is locked for longer than an hour");
}

#[tokio::test]
async fn a_right_code_is_no_failed_check() {
    let fixture = fixture().await;
    for _ in 0..20 {
        let code = sent(&fixture).await;
        assert!(is_right(&fixture.codes, &code).await);
    }
    assert_eq!(phones(&fixture).show(&phone(1)).await.unwrap().failed, 0);
}

#[tokio::test]
async fn checks_of_an_old_code_count_as_failed() {
    let fixture = fixture().await;
    let code = sent(&fixture).await;
    age(&fixture, Duration::from_secs(301)).await;
    let checked = fail(&fixture, &code, 16).await;
    assert!(checked[..15].iter().all(|checked| *checked == Checked::Expired), "{checked:?}");
    assert!(is_spent(&checked[15]));
}

#[tokio::test]
async fn a_phone_that_was_never_sent_a_code_leaves_nothing_and_answers_as_one_that_was() {
    let fixture = fixture().await;
    let guess = Code::new("123456".into());
    for number in 0..20 {
        let checked = fixture.codes.check(&client(), &phone(number), &guess).await.unwrap();
        assert_eq!(checked, Checked::Wrong);
    }
    let left: Vec<String> = fixture.server().command(&["KEYS", "*"]).await;
    let own: Vec<_> = left.iter().filter(|key| **key != keys().stream()).collect();
    assert_eq!(own, [&keys().client_checks(&"verifier".parse().unwrap())], "the client's own count");
    let left: i64 =
        fixture.server().command(&["PTTL", &keys().client_checks(&"verifier".parse().unwrap())]).await;
    assert!((1..=65_000).contains(&left), "{left} ms");
}

#[tokio::test]
async fn a_client_may_fail_sixty_times_a_minute_and_others_are_not_held_up() {
    let fixture = fixture().await;
    let code = sent(&fixture).await;
    let guess = Code::new("123456".into());
    let (client, strange) = (client(), (0..80).map(|number| phone(100 + number)).collect::<Vec<_>>());
    let checked = join_all(strange.iter().map(|phone| fixture.codes.check(&client, phone, &guess))).await;
    let wrong = checked.iter().filter(|checked| matches!(checked, Ok(Checked::Wrong))).count();
    assert_eq!(wrong, 60);
    let Checked::ClientLimit(next) = check(&fixture.codes, &code).await else { panic!("it was looked at") };
    assert!((1..=65_000).contains(&(next.at_ms - now_ms())), "{next:?}");
    let other = "other".parse().unwrap();
    assert!(matches!(fixture.codes.check(&other, &phone(1), &code).await, Ok(Checked::Right(_))));
}

#[tokio::test]
async fn an_operator_sees_why_a_phone_is_locked_and_can_unlock_it() {
    let fixture = TestSendGuard::one(&[]).await;
    let code = sent(&fixture).await;
    age(&fixture, Duration::from_secs(1)).await;
    fail(&fixture, &code, 5).await;
    let status = phones(&fixture).show(&phone(1)).await.unwrap();
    assert_eq!((status.sent_hour, status.sent_day, status.failed), (1, 1, 5));
    assert_eq!((status.next_message_ms, status.locked_until_ms), (None, None));
    let [one] = &status.codes[..] else { panic!("{status:?}") };
    assert!(one.taken_ms.is_some() && one.guesses == 5 && !one.is_used);
    for _ in 0..2 {
        let code = sent(&fixture).await;
        fail(&fixture, &code, 5).await;
    }
    let locked = phones(&fixture).show(&phone(1)).await.unwrap();
    assert!(locked.locked_until_ms.is_some_and(|until| until > now_ms() + 3_500_000), "{locked:?}");
    let code = sent(&fixture).await;
    assert!(is_spent(&check(&fixture.codes, &code).await));
    assert_eq!(phones(&fixture).unlock(&phone(1)).await.unwrap(), 15);
    assert_eq!(phones(&fixture).show(&phone(1)).await.unwrap().failed, 0);
    assert!(is_right(&fixture.codes, &code).await);
    assert_eq!(phones(&fixture).unlock(&phone(2)).await.unwrap(), 0);
    assert!(phones(&fixture).show(&phone(2)).await.unwrap().codes.is_empty());
}
