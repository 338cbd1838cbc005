use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testing::{PHONE, origin};

/// A channel that always says the same, and counts how often it was asked.
struct Parrot(SubmitResult, Arc<AtomicUsize>);

impl SmsChannel for Parrot {
    fn name(&self) -> &'static str {
        "parrot"
    }

    fn submit<'a>(&'a self, _: SmsMessage<'a>) -> Submitting<'a> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.0.clone() })
    }
}

fn sms<const N: usize>(says: [SubmitResult; N]) -> (Sms, [Arc<AtomicUsize>; N]) {
    let asked: [Arc<AtomicUsize>; N] = std::array::from_fn(|_| Arc::default());
    let parrots = says.into_iter().zip(&asked);
    let channels = parrots.map(|(says, asked)| Box::new(Parrot(says, asked.clone())) as Box<dyn SmsChannel>);
    let text = MessageText::new("{code}", 6).unwrap();
    (Sms::new(channels.collect(), text, Duration::from_mins(5)), asked)
}

async fn send(sms: &Sms) -> SubmitResult {
    let (to, reference) = (PHONE.parse().unwrap(), JobId::generate());
    sms.send(&to, &Code::new("012345".into()), &reference, origin(), &Slot::NONE).await
}

const TAKEN: SubmitResult = SubmitResult::Accepted { message_id: None };
const BUSY: SubmitResult = SubmitResult::Throttled { retry_after: None };

#[tokio::test]
async fn the_next_channel_is_asked_only_where_the_one_before_certainly_did_not_take_the_message() {
    for (first, asked_next) in [
        (TAKEN, 0),
        (SubmitResult::Failed, 0),
        (SubmitResult::Unanswered, 0),
        (SubmitResult::Rejected, 0),
        (BUSY, 1),
        (SubmitResult::Unreachable, 1),
        (SubmitResult::ChannelUnavailable, 1),
    ] {
        let (sms, asked) = sms([first.clone(), TAKEN]);
        let submission = send(&sms).await;
        assert_eq!(asked[1].load(Ordering::Relaxed), asked_next, "{first:?}");
        assert_eq!(submission, if asked_next == 1 { TAKEN } else { first });
    }
}

#[tokio::test]
async fn a_channel_that_fails_is_left_alone_and_messages_go_the_other_way() {
    let (sms, asked) = sms([SubmitResult::Unreachable, TAKEN]);
    for _ in 0..100 {
        assert_eq!(send(&sms).await, TAKEN);
    }
    let [failing, working] = asked.map(|asked| asked.load(Ordering::Relaxed));
    assert!(failing <= 10 && working == 100, "{failing} {working}");
}

#[tokio::test]
async fn where_nobody_takes_it_the_job_learns_when_to_come_back() {
    let asks = |seconds| SubmitResult::Throttled { retry_after: Some(Duration::from_secs(seconds)) };
    let (sms, asked) = sms([asks(30), asks(7), SubmitResult::ChannelUnavailable]);
    assert_eq!(send(&sms).await, asks(7));
    let SubmitResult::Throttled { retry_after: Some(wait) } = send(&sms).await else {
        panic!("they asked to wait")
    };
    assert!(wait <= Duration::from_secs(7) && wait > Duration::from_secs(5), "{wait:?}");
    assert_eq!(asked.map(|asked| asked.load(Ordering::Relaxed)), [1, 1, 2]);
}
