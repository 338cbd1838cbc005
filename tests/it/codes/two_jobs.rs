//! Two jobs for one phone (scenario 40): every code that is on the phone is good until a later message was taken.

use std::time::Duration;

use redis::cmd;
use shared::sending::codes::Checked;
use tests::keys::keys;

use super::{age, check, fixture, is_right, offer, passed, under_way};

#[tokio::test]
async fn the_first_message_arrives_after_the_second() {
    let fixture = fixture().await;
    let first = under_way(&fixture).await;
    let second = under_way(&fixture).await;
    second.taken(&fixture).await;
    first.taken(&fixture).await;
    assert!(is_right(&fixture.codes, second.code()).await, "nobody knows which the patient reads");
    assert!(is_right(&fixture.codes, first.code()).await);
}

#[tokio::test]
async fn once_a_later_message_was_taken_the_one_before_is_dead() {
    let fixture = fixture().await;
    let first = under_way(&fixture).await;
    first.taken(&fixture).await;
    let second = under_way(&fixture).await;
    second.taken(&fixture).await;
    assert_eq!(check(&fixture.codes, first.code()).await, Checked::Wrong);
    assert!(is_right(&fixture.codes, second.code()).await);
}

/// The reply of an end may be lost, and while replicas are away it is repeated for as long.
#[tokio::test]
async fn an_end_that_is_repeated_brings_no_replaced_code_back() {
    for is_delivery_lost in [false, true] {
        let fixture = fixture().await;
        let first = under_way(&fixture).await;
        if is_delivery_lost {
            fixture.again(&first.delivery).await;
        }
        let taken = first.taken_now();
        first.ends(&fixture, &taken).await;
        let second = under_way(&fixture).await;
        second.taken(&fixture).await;
        first.ends(&fixture, &taken).await;
        assert_eq!(check(&fixture.codes, first.code()).await, Checked::Wrong, "lost: {is_delivery_lost}");
        assert!(is_right(&fixture.codes, second.code()).await, "lost: {is_delivery_lost}");
    }
}

#[tokio::test]
async fn a_used_code_takes_the_one_before_with_it_and_leaves_a_later_one() {
    let fixture = fixture().await;
    let before = under_way(&fixture).await;
    before.taken(&fixture).await;
    let used = under_way(&fixture).await;
    let later = under_way(&fixture).await;
    assert!(is_right(&fixture.codes, used.code()).await);
    assert_eq!(check(&fixture.codes, before.code()).await, Checked::Wrong);
    assert!(is_right(&fixture.codes, later.code()).await);
}

#[tokio::test]
async fn a_late_end_replaces_no_code_that_was_taken_after_its_own_message() {
    let fixture = fixture().await;
    let first = under_way(&fixture).await;
    let taken = first.taken_now();
    let later = under_way(&fixture).await;
    later.taken(&fixture).await;
    // Another worker sends the first job's code again before the first one says that its message was taken.
    let again = fixture.again(&first.delivery).await;
    offer(&fixture.guard, &fixture.codes, &again).await.expect("the same code");
    first.ends(&fixture, &taken).await;
    assert!(is_right(&fixture.codes, later.code()).await);
    assert!(is_right(&fixture.codes, first.code()).await, "its second message is under way");
}

#[tokio::test]
async fn a_used_code_is_not_revived_by_an_end_that_comes_after_it_was_forgotten() {
    let fixture = fixture().await;
    let first = under_way(&fixture).await;
    assert!(is_right(&fixture.codes, first.code()).await);
    age(&fixture, Duration::from_mins(11)).await;
    under_way(&fixture).await;
    first.taken(&fixture).await;
    assert_eq!(check(&fixture.codes, first.code()).await, Checked::Wrong);
}

/// Otherwise an end that waited for Redis would make a code good for another five minutes.
#[tokio::test]
async fn a_code_was_taken_when_the_gateway_took_it_however_late_its_job_ends() {
    let fixture = fixture().await;
    let message = under_way(&fixture).await;
    passed(message.offered.offered_ms() + 7).await;
    message.ends(&fixture, &message.offered.taken_after(Duration::from_millis(7))).await;
    let records: Vec<String> = fixture.server().command(&["KEYS", &keys().phone("*")]).await;
    let record: String = fixture.ask(cmd("GET").arg(&records)).await;
    let code = record.lines().find(|line| line.starts_with("code ")).unwrap();
    let times: Vec<u64> = code.split(' ').skip(3).map(|word| word.parse().unwrap()).collect();
    assert_eq!(times[1] - times[0], 7, "{code}");
}

#[tokio::test]
async fn eight_codes_are_kept_and_a_ninth_takes_the_place_of_one_that_was_taken() {
    let fixture = fixture().await;
    let mut messages = Vec::new();
    for _ in 0..8 {
        messages.push(under_way(&fixture).await);
    }
    messages[1].taken(&fixture).await;
    messages.push(under_way(&fixture).await);
    assert_eq!(check(&fixture.codes, messages[1].code()).await, Checked::Wrong, "it made room");
    for under_way in [0, 8] {
        assert!(is_right(&fixture.codes, messages[under_way].code()).await, "{under_way}");
    }
}
