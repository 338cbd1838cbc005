//! Two jobs for one phone (scenario 40): every code that is on the phone is good until a later message was taken.

use std::time::Duration;

use super::{age, check, fixture, is_right, under_way};
use shared::sending::codes::Checked;

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
    let fixture = fixture().await;
    let first = under_way(&fixture).await;
    first.taken(&fixture).await;
    age(&fixture, Duration::from_secs(2)).await;
    let second = under_way(&fixture).await;
    second.taken(&fixture).await;
    age(&fixture, Duration::from_secs(2)).await;
    first.taken(&fixture).await;
    assert_eq!(check(&fixture.codes, first.code()).await, Checked::Wrong);
    assert!(is_right(&fixture.codes, second.code()).await);
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
async fn four_codes_are_kept_and_a_fifth_that_arrives_nevertheless_comes_back() {
    let fixture = fixture().await;
    let mut messages = Vec::new();
    for _ in 0..5 {
        messages.push(under_way(&fixture).await);
    }
    assert_eq!(check(&fixture.codes, messages[0].code()).await, Checked::Wrong, "the oldest made room");
    messages[0].taken(&fixture).await;
    assert!(is_right(&fixture.codes, messages[0].code()).await, "it is on the phone");
    assert!(is_right(&fixture.codes, messages[4].code()).await);
}
