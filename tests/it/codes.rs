//! Codes against a real Redis: when each is valid, and how many guesses it allows.

use std::time::Duration;

use redis::cmd;
use shared::domain::clock;
use shared::domain::ids::ClientId;
use shared::domain::outcome::Outcome;
use shared::queue::{Delivery, JobAttempt, TakenCode};
use shared::sending::codes::{Checked, Code, Codes, OfferedCode};
use shared::sending::guard::{SendDecision, SendGuard};
use tests::eventually::eventually;
use tests::keys::keys;

use crate::send_guard::{TestSendGuard, other_than, phone};
use crate::test_queue::job;

mod guesses;
mod http;
mod rotation;
mod two_jobs;
mod unguessable;

/// 32 bytes each.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const LATER_KEY: &str = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";

/// Limits that allow many messages to one phone.
const MANY: [(&str, &str); 2] = [("RESEND_LIMIT_PER_PHONE_HOUR", "0"), ("RESEND_LIMIT_PER_PHONE_DAY", "0")];

/// A message in progress.
struct PendingMessage {
    delivery: Delivery,
    offered: OfferedCode,
}

impl PendingMessage {
    fn code(&self) -> &Code {
        &self.offered.code
    }

    /// The gateway takes it now.
    fn taken_now(&self) -> TakenCode {
        let after = clock::now_ms() - self.offered.offered_ms();
        self.offered.taken_after(Duration::from_millis(after))
    }

    /// The gateway takes it, and its job ends at once.
    async fn taken(&self, fixture: &TestSendGuard) {
        self.ends(fixture, &self.taken_now()).await;
    }

    /// The job ends.
    async fn ends(&self, fixture: &TestSendGuard, taken: &TakenCode) {
        end_sent(fixture, &self.delivery, taken.clone()).await;
    }
}

/// A gateway took the message of this delivery, so its job ends.
async fn end_sent(fixture: &TestSendGuard, delivery: &Delivery, taken: TakenCode) {
    let attempt = JobAttempt { taken: Some(taken), ..JobAttempt::default() };
    let sent = Outcome::Sent("{}".to_owned());
    fixture.queue.deliveries().finish_attempt(delivery, &sent, None, &attempt).await.unwrap();
}

async fn fixture() -> TestSendGuard {
    TestSendGuard::one(&MANY).await
}

/// The offer of a delivery's code; `None` if the code was used.
async fn offer(guard: &SendGuard, codes: &Codes, delivery: &Delivery) -> Option<OfferedCode> {
    match guard.ask(delivery, &phone(1), Some(codes)).await.unwrap() {
        SendDecision::Granted(permit) => permit.offered,
        refused => panic!("{refused:?}"),
    }
}

/// The message of a new job, with a permit to send it.
async fn under_way(fixture: &TestSendGuard) -> PendingMessage {
    // Of two codes in the same millisecond nobody knows which came later.
    passed(clock::now_ms()).await;
    let delivery = fixture.held(&job()).await;
    let offered = offer(&fixture.guard, &fixture.codes, &delivery).await.expect("a code that may be sent");
    PendingMessage { delivery, offered }
}

/// Waits until this millisecond has passed.
async fn passed(millisecond: u64) {
    while clock::now_ms() <= millisecond {
        tokio::task::yield_now().await;
    }
}

/// The code of a message that a gateway took.
async fn sent(fixture: &TestSendGuard) -> Code {
    let message = under_way(fixture).await;
    message.taken(fixture).await;
    message.offered.code
}

fn client() -> ClientId {
    "verifier".parse().unwrap()
}

async fn check(codes: &Codes, code: &Code) -> Checked {
    codes.check(&client(), &phone(1), code).await.unwrap()
}

async fn is_right(codes: &Codes, code: &Code) -> bool {
    matches!(check(codes, code).await, Checked::Right(_))
}

/// Makes every code of the phone this much older.
async fn age(fixture: &TestSendGuard, by: Duration) {
    let by = u64::try_from(by.as_millis()).unwrap();
    for key in fixture.server().command::<Vec<String>>(&["KEYS", &keys().phone("*")]).await {
        let text: String = fixture.ask(cmd("GET").arg(&key)).await;
        let older = |word: &str| match word.parse::<u64>() {
            Ok(time) if time > 1_000_000 => (time - by).to_string(),
            _ => word.to_owned(),
        };
        let line = |line: &str| line.split(' ').map(older).collect::<Vec<_>>().join(" ");
        let aged = text.lines().map(line).collect::<Vec<_>>().join("\n");
        let _: () = fixture.ask(cmd("SET").arg(&[key.as_str(), &aged, "KEEPTTL"])).await;
    }
}

#[tokio::test]
async fn the_code_before_is_good_until_the_gateway_took_the_next() {
    let fixture = fixture().await;
    let before = sent(&fixture).await;
    let next = under_way(&fixture).await;
    assert!(is_right(&fixture.codes, &before).await, "the one before");
    assert!(is_right(&fixture.codes, next.code()).await, "the one on its way");
}

#[tokio::test]
async fn a_code_is_good_for_its_whole_life_from_when_it_was_taken_and_no_record_stays_for_ever() {
    let fixture = fixture().await;
    let before = sent(&fixture).await;
    let next = under_way(&fixture).await;
    age(&fixture, Duration::from_secs(200)).await;
    for _ in 0..2 {
        next.taken(&fixture).await; // Twice is as good as once.
    }
    assert_eq!(check(&fixture.codes, &before).await, Checked::Wrong);
    let Checked::Right(verified) = check(&fixture.codes, next.code()).await else { panic!("not right") };
    let left = verified.expires_ms - clock::now_ms();
    assert!((290_000..=300_000).contains(&left), "{left} ms");
    let keys: Vec<String> = fixture.server().command(&["KEYS", &keys().phone("*")]).await;
    let kept: i64 = fixture.server().command(&["PTTL", &keys[0]]).await;
    assert!((4_100_000..=4_200_000).contains(&kept), "an hour and twice the life of a code: {kept} ms");
}

#[tokio::test]
async fn a_code_is_good_once_and_no_retry_of_its_job_revives_it() {
    let fixture = fixture().await;
    for is_used_first in [true, false] {
        let message = under_way(&fixture).await;
        // Another worker has taken over the job when the gateway's answer reaches the first.
        let again = fixture.again(&message.delivery).await;
        if is_used_first {
            assert!(is_right(&fixture.codes, message.code()).await, "before anybody knows that it was taken");
            message.taken(&fixture).await;
        } else {
            message.taken(&fixture).await;
            assert!(is_right(&fixture.codes, message.code()).await);
        }
        assert!(offer(&fixture.guard, &fixture.codes, &again).await.is_none(), "its message arrived");
        assert_eq!(check(&fixture.codes, message.code()).await, Checked::Wrong);
    }
}

#[tokio::test]
async fn who_lost_the_delivery_activates_the_code_and_ends_nothing() {
    let fixture = fixture().await;
    let before = sent(&fixture).await;
    let message = under_way(&fixture).await;
    let again = fixture.again(&message.delivery).await;
    message.taken(&fixture).await;
    assert_eq!(check(&fixture.codes, &before).await, Checked::Wrong, "a later message is on the phone");
    let repeated = offer(&fixture.guard, &fixture.codes, &again).await.expect("the job is still live");
    assert_eq!(&repeated.code, message.code());
}

#[tokio::test]
async fn jobs_for_one_phone_that_end_in_one_call_see_each_others_codes() {
    let fixture = fixture().await;
    let (first, second) = (under_way(&fixture).await, under_way(&fixture).await);
    tokio::join!(first.taken(&fixture), second.taken(&fixture));
    assert!(is_right(&fixture.codes, first.code()).await, "neither was offered after the other was taken");
    assert!(is_right(&fixture.codes, second.code()).await);
}

#[tokio::test]
async fn of_many_right_guesses_at_once_one_is_right() {
    let fixture = fixture().await;
    let (_, replica) = fixture.beside(&MANY);
    let code = sent(&fixture).await;
    let replicas = [&fixture.codes, &replica];
    let checked = futures_util::future::join_all((0..5).map(|guess| check(replicas[guess % 2], &code))).await;
    assert_eq!(checked.iter().filter(|checked| matches!(checked, Checked::Right(_))).count(), 1);
}

#[tokio::test]
async fn an_old_code_is_told_from_a_wrong_one_for_as_long_as_it_was_good() {
    let fixture = fixture().await;
    let code = sent(&fixture).await;
    age(&fixture, Duration::from_secs(301)).await;
    assert_eq!(check(&fixture.codes, &code).await, Checked::Expired);
    age(&fixture, Duration::from_mins(5)).await;
    assert_eq!(check(&fixture.codes, &code).await, Checked::Wrong);
}

#[tokio::test]
async fn another_phones_code_is_none() {
    let fixture = fixture().await;
    let code = sent(&fixture).await;
    assert_eq!(fixture.codes.check(&client(), &phone(2), &code).await.unwrap(), Checked::Wrong);
    assert!(is_right(&fixture.codes, &code).await);
}

#[tokio::test]
async fn nothing_is_right_while_redis_is_away() {
    let mut fixture = fixture().await;
    let code = sent(&fixture).await;
    fixture.server_mut().kill().await;
    assert!(fixture.codes.check(&client(), &phone(1), &code).await.is_err());
    fixture.server_mut().restart().await;
    let checked = eventually("the code is checked", Duration::from_secs(5), || async {
        fixture.codes.check(&client(), &phone(1), &code).await.ok()
    });
    assert!(matches!(checked.await, Checked::Right(_)), "it survived");
}
