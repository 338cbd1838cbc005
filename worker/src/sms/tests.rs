use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testing::redis::PrivateRedis;
use crate::testing::{PHONE, origin};

/// A channel with one answer for everything, which counts how often it was asked.
struct Constant(SubmitResult, Arc<AtomicUsize>);

impl SmsChannel for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn submit<'a>(&'a self, _: SmsMessage<'a>) -> Submitting<'a> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.0.clone().into() })
    }
}

fn sms<const N: usize>(says: [SubmitResult; N]) -> (Sms, [Arc<AtomicUsize>; N]) {
    let asked: [Arc<AtomicUsize>; N] = std::array::from_fn(|_| Arc::default());
    let channels = says
        .into_iter()
        .zip(&asked)
        .map(|(says, asked)| Box::new(Constant(says, asked.clone())) as Box<dyn SmsChannel>);
    let text = MessageText::new("{code}", 6).unwrap();
    (Sms::new(channels.collect(), text, Duration::from_mins(5)), asked)
}

async fn try_with(sms: &Sms, history: SendHistory) -> SendResult {
    let (to, reference) = (PHONE.parse().unwrap(), JobId::generate());
    let order = Order {
        to: &to,
        code: &Code::new("012345".into()),
        reference: &reference,
        origin: origin(),
        history,
        may_submit: &|| true,
    };
    sms.send(order, &Slot::none()).await
}

async fn send(sms: &Sms) -> SubmitResult {
    try_with(sms, SendHistory::NONE).await.result
}

const TAKEN: SubmitResult = SubmitResult::Accepted { message_id: None };
const FAILED: SubmitResult = SubmitResult::Indeterminate { silent: false };
const DEFERRED: SubmitResult = SubmitResult::Deferred { retry_after: Duration::ZERO };
const BUSY: SubmitResult = SubmitResult::Throttled { retry_after: None };

#[tokio::test]
async fn the_next_channel_is_asked_only_where_the_one_before_certainly_did_not_take_the_message() {
    for (first, asked_next) in [
        (TAKEN, 0),
        (FAILED, 0),
        (SubmitResult::Indeterminate { silent: true }, 0),
        (SubmitResult::Rejected, 0),
        (BUSY, 1),
        (DEFERRED, 1),
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
    let SubmitResult::Held { retry_after: Some(wait) } = send(&sms).await else {
        panic!("they asked to wait")
    };
    assert!(wait <= Duration::from_secs(7) && wait > Duration::from_secs(5), "{wait:?}");
    assert_eq!(asked.map(|asked| asked.load(Ordering::Relaxed)), [1, 1, 2]);
}

#[tokio::test]
async fn an_answer_503_with_a_time_is_believed_twice_a_job_and_no_more() {
    let (sms, asked) = sms([DEFERRED, DEFERRED, DEFERRED]);
    let sent = try_with(&sms, SendHistory::NONE).await;
    assert_eq!((sent.result, sent.handed, sent.believed), (FAILED, 3, 2));
    let sent = try_with(&sms, SendHistory { believed: 2, ..SendHistory::NONE }).await;
    assert_eq!((sent.result, sent.handed, sent.believed), (FAILED, 1, 0));
    assert_eq!(asked.map(|asked| asked.load(Ordering::Relaxed)), [2, 1, 1]);
}

#[tokio::test]
async fn no_channel_is_asked_once_the_time_is_over() {
    let (sms, asked) = sms([SubmitResult::Unreachable, TAKEN]);
    let (to, reference) = (PHONE.parse().unwrap(), JobId::generate());
    let left = AtomicUsize::new(1);
    let may_submit = || left.fetch_sub(1, Ordering::Relaxed) == 1;
    let code = Code::new("012345".into());
    let history = SendHistory::NONE;
    let order = Order {
        to: &to,
        code: &code,
        reference: &reference,
        origin: origin(),
        history,
        may_submit: &may_submit,
    };
    let sent = sms.send(order, &Slot::none()).await;
    assert_eq!((sent.result, sent.handed), (SubmitResult::Unreachable, 0));
    assert_eq!(asked.map(|asked| asked.load(Ordering::Relaxed)), [1, 0]);
}

#[tokio::test]
async fn the_last_try_goes_to_a_channel_that_took_a_message_since() {
    let (sms, asked) = sms([FAILED, TAKEN]);
    let half_deadline = Some(std::time::Instant::now() + Duration::from_mins(2));
    let history = SendHistory {
        left_open: Some(std::time::Instant::now()),
        open: 1,
        half_deadline,
        ..SendHistory::NONE
    };
    assert!(sms.slot(&history, Slot::none()).await.is_err(), "nobody took anything");
    sms.channels[1].submit(testing::message(), &SendHistory::NONE, None, Instant::now() + LIMIT).await;
    assert!(sms.slot(&history, Slot::none()).await.is_ok());
    let sent = try_with(&sms, history).await;
    assert_eq!((sent.result, sent.channel), (TAKEN, Some("constant")));
    assert_eq!(asked.map(|asked| asked.load(Ordering::Relaxed)), [0, 2]);
}

#[tokio::test]
async fn what_the_channels_can_take_is_announced_while_they_are_open_and_while_they_are_not() {
    let ((failing, _), (working, _)) =
        (sms([SubmitResult::Unreachable]), sms([SubmitResult::Unreachable, TAKEN]));
    for (sms, is_closed) in [(failing, true), (working, false)] {
        let capacity = SendCapacity::default();
        sms.announce(&capacity);
        assert!(!capacity.is_closed(), "nothing has failed yet");
        for _ in 0..20 {
            send(&sms).await;
        }
        sms.announce(&capacity);
        assert_eq!(capacity.is_closed(), is_closed);
    }
}

/// One channel that takes everything, at so many messages a second.
fn paced(redis: &PrivateRedis, per_second: u32) -> Sms {
    let (mut sms, _) = sms([TAKEN]);
    let rates = [("constant", per_second.try_into().unwrap())].into();
    sms.pacing = Pacing::new(RateLimiter::new(redis.queue.clone()), rates).map(Arc::new);
    sms
}

#[tokio::test]
async fn messages_have_a_slot_in_the_order_of_asking_and_leave_it_to_the_next_where_they_need_none() {
    let redis = PrivateRedis::start().await;
    let sms = paced(&redis, 2);
    let capacity = SendCapacity::default();
    sms.announce(&capacity);
    assert_eq!(capacity.rate(), Some(2.0));
    let start = Instant::now();
    drop(sms.reserve().await);
    let (first, second) = (sms.reserve().await, sms.reserve());
    assert!(first.use_at("constant") && start.elapsed() < Duration::from_millis(400));
    drop(first);
    assert!(second.await.is_at("constant") && start.elapsed() >= Duration::from_millis(400));
    let early: Vec<_> = (0..8).map(|_| sms.reserve()).collect();
    let order = std::sync::Mutex::new(Vec::new());
    let noted = early.into_iter().enumerate().map(|(index, slot)| {
        let order = &order;
        async move {
            assert!(slot.await.use_at("constant"));
            order.lock().unwrap().push(index);
        }
    });
    futures_util::future::join_all(noted).await;
    assert!(order.lock().unwrap().is_sorted(), "{order:?}");
    assert!(start.elapsed() >= Duration::from_millis(3_900), "{:?}", start.elapsed());
}
