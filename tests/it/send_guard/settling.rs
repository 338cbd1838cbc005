//! A job's record after each possible outcome of a hand-over, and what is subtracted from the limits.

use shared::queue::Delivery;
use shared::sending::guard::SendDecision;

use super::{TestSendGuard, phone};
use crate::test_queue::job;

/// The next delivery of a job whose hand-over had this outcome.
async fn settled(fixture: &TestSendGuard, delivery: &Delivery, believed: u32, is_open: bool) -> Delivery {
    let permit = fixture.permit(delivery, &phone(1)).await;
    if let Some(settlement) = permit.settle(believed, is_open) {
        // Repeating it changes nothing.
        fixture.queue.deliveries().settle_send(&settlement).await.unwrap();
        fixture.queue.deliveries().settle_send(&settlement).await.unwrap();
    }
    fixture.again(delivery).await
}

async fn counts(fixture: &TestSendGuard, delivery: &Delivery) -> [u32; 3] {
    let counts = fixture.queue.deliveries().send_counts(delivery).await.unwrap();
    [counts.handed, counts.open, counts.believed]
}

#[tokio::test]
async fn what_certainly_was_not_sent_makes_room_for_another_message_and_stays_known_as_handed_over() {
    let limits = [("RESEND_LIMIT_PER_PHONE_HOUR", "1"), ("RESEND_LIMIT_TOTAL_MINUTE", "1")];
    for fixture in TestSendGuard::both(&limits).await {
        let mut delivery = fixture.held(&job()).await;
        for handed in 1..=6 {
            delivery = settled(&fixture, &delivery, 0, false).await;
            assert_eq!(counts(&fixture, &delivery).await, [handed, 0, 0], "{}", fixture.shape());
            let [phones, patients, clients, codes] = fixture.counted().await;
            assert_eq!([phones, patients, clients], [0; 3], "{}", fixture.shape());
            assert_eq!(codes, 1, "the code may be sent yet");
        }
        fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    }
}

#[tokio::test]
async fn only_its_own_message_is_given_back() {
    let fixture = TestSendGuard::one(&[]).await;
    fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    settled(&fixture, &fixture.held(&job()).await, 0, false).await;
    assert_eq!(fixture.counted().await, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_gateway_is_believed_twice_and_at_most_four_messages_can_be_out() {
    let fixture = TestSendGuard::one(&[]).await;
    let mut delivery = fixture.held(&job()).await;
    for believed in 0..2 {
        assert_eq!(fixture.permit(&delivery, &phone(1)).await.believed_left(), 2 - believed);
        delivery = settled(&fixture, &delivery, 1, false).await;
        assert_eq!(counts(&fixture, &delivery).await, [believed + 1, 0, believed + 1]);
    }
    for open in 0..2 {
        assert_eq!(fixture.permit(&delivery, &phone(1)).await.believed_left(), 0);
        delivery = settled(&fixture, &delivery, 0, true).await;
        assert_eq!(counts(&fixture, &delivery).await, [open + 3, open + 1, 2]);
    }
    assert!(matches!(fixture.leave(&delivery, &phone(1)).await, SendDecision::Exhausted));
}

/// The first channel of a fallback order answers 503 with a time, the next one is cut off.
#[tokio::test]
async fn a_try_may_be_believed_and_open_at_once() {
    let fixture = TestSendGuard::one(&[]).await;
    let next = settled(&fixture, &fixture.held(&job()).await, 2, true).await;
    assert_eq!(counts(&fixture, &next).await, [1, 1, 2]);
    assert_eq!(fixture.counted().await[..3], [1, 1, 1]);
    let permit = fixture.permit(&next, &phone(1)).await;
    assert!(permit.is_last() && permit.believed_left() == 0);
}
