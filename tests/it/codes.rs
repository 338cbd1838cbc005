//! Codes against a real Redis: what is kept of them, how long they are good, and how many guesses they stand.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::cmd;
use shared::domain::ids::JobId;
use shared::domain::phone::PhoneNumber;
use shared::queue::Queue;
use shared::redis::Redis;
use shared::sending::codes::{Checked, Code, Codes, Offered};
use shared::settings::{OtpConfig, QueueConfig, RedisConfig, Settings};
use tests::eventually::eventually;
use tests::place::Place;
use tests::redis_server::RedisServer;

mod http;
mod unguessable;

/// 32 bytes each.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const LATER_KEY: &str = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";

/// A Redis of its own, over which any number of processes' codes can be made.
struct Desk {
    server: RedisServer,
    place: Place,
}

impl Desk {
    async fn new() -> Self {
        let place = Place::new().unwrap();
        Self { server: RedisServer::start(place.path()).await, place }
    }

    /// Codes as another process has them, on a connection of its own.
    fn codes(&self, keys: &str, changes: &[(&str, &str)]) -> Codes {
        let url = self.server.url();
        let own = [("RESEND_REDIS_URL", url.as_str()), ("RESEND_OTP_KEY", keys)];
        let settings = Settings::from_pairs(own.into_iter().chain(changes.iter().copied())).unwrap();
        let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
        let queue = Queue::new(redis, QueueConfig::from_settings(&settings).unwrap());
        Codes::new(&OtpConfig::from_settings(&settings).unwrap(), queue)
    }

    /// The fields of the one record there is.
    async fn record(&self) -> BTreeMap<String, String> {
        let records: Vec<String> = self.server.command(&["KEYS", "*:otp:*"]).await;
        let [record] = &records[..] else { panic!("{records:?}") };
        cmd("HGETALL").arg(record).query_async(&mut self.server.connection().await).await.unwrap()
    }

    async fn fields(&self) -> Vec<String> {
        self.record().await.into_keys().collect()
    }

    /// Ages a field of the record as time would.
    async fn set(&self, field: &str, value: &str) {
        let records: Vec<String> = self.server.command(&["KEYS", "*:otp:*"]).await;
        let _: u64 = self.server.command(&["HSET", &records[0], field, value]).await;
    }
}

fn phone() -> PhoneNumber {
    "+380200000001".parse().unwrap()
}

async fn offered(codes: &Codes, job: &JobId) -> Offered {
    codes.offer(&phone(), job).await.unwrap().expect("a code that may be sent")
}

/// A message that a gateway took.
async fn sent(codes: &Codes, job: &JobId) -> Code {
    let offered = offered(codes, job).await;
    assert!(codes.activate(&offered, job).await.unwrap());
    offered.code
}

async fn check(codes: &Codes, code: &Code) -> Checked {
    codes.check(&phone(), code).await.unwrap()
}

async fn is_right(codes: &Codes, code: &Code) -> bool {
    matches!(check(codes, code).await, Checked::Right(_))
}

/// A code of six digits that is not this one.
fn other_than(code: &Code) -> Code {
    Code::new(if code.expose().starts_with('0') { "100000".into() } else { "000000".into() })
}

#[tokio::test]
async fn the_code_before_is_good_until_the_gateway_took_the_next() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let (first, second) = (JobId::generate(), JobId::generate());
    let before = sent(&codes, &first).await;
    let next = offered(&codes, &second).await;
    assert_eq!(desk.fields().await, ["expires", "hash", "job", "next_expires", "next_hash", "next_job"]);
    assert!(is_right(&codes, &before).await, "the one before");
    assert!(is_right(&codes, &next.code).await, "the one on its way");
}

#[tokio::test]
async fn a_taken_code_is_the_only_one_and_lives_its_whole_life() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let (first, second) = (JobId::generate(), JobId::generate());
    let before = sent(&codes, &first).await;
    let next = offered(&codes, &second).await;
    for _ in 0..2 {
        assert!(codes.activate(&next, &second).await.unwrap(), "twice is as good as once");
    }
    let record = desk.record().await;
    let left = record["expires"].parse::<u64>().unwrap() - shared::domain::clock::now_ms();
    assert!((290_000..=300_000).contains(&left), "{left} ms");
    let kept: i64 = desk
        .server
        .command(&["PTTL", &desk.server.command::<Vec<String>>(&["KEYS", "*:otp:*"]).await[0]])
        .await;
    assert!((590_000..=600_000).contains(&kept), "nothing stays for ever: {kept} ms");
    assert_eq!(check(&codes, &before).await, Checked::Wrong);
    assert!(is_right(&codes, &next.code).await);
}

#[tokio::test]
async fn an_offer_that_was_overtaken_does_not_come_back() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let (first, second) = (JobId::generate(), JobId::generate());
    let one = offered(&codes, &first).await;
    offered(&codes, &second).await;
    assert!(!codes.activate(&one, &first).await.unwrap());
    assert_eq!(desk.record().await["next_job"], second.as_str());
}

#[tokio::test]
async fn a_code_is_good_once_and_no_retry_of_its_job_revives_it() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let (first, second) = (JobId::generate(), JobId::generate());
    let one = offered(&codes, &first).await;
    assert!(is_right(&codes, &one.code).await, "before anybody knows that it was taken");
    assert!(!codes.activate(&one, &first).await.unwrap());
    let two = sent(&codes, &second).await;
    assert!(is_right(&codes, &two).await);
    for (job, code) in [(&first, &one.code), (&second, &two)] {
        assert!(codes.offer(&phone(), job).await.unwrap().is_none(), "its message arrived");
        assert_eq!(check(&codes, code).await, Checked::Wrong);
    }
}

#[tokio::test]
async fn of_many_right_guesses_at_once_one_is_right() {
    let desk = Desk::new().await;
    let replicas = [desk.codes(KEY, &[]), desk.codes(KEY, &[])];
    let code = sent(&replicas[0], &JobId::generate()).await;
    let (phone, guesses) = (phone(), (0..5).map(|guess| &replicas[guess % 2]));
    let checked = futures_util::future::join_all(guesses.map(|codes| codes.check(&phone, &code))).await;
    assert_eq!(checked.iter().filter(|checked| matches!(checked, Ok(Checked::Right(_)))).count(), 1);
}

#[tokio::test]
async fn a_thousand_guesses_at_once_get_five_comparisons_and_a_resend_gives_none_back() {
    let desk = Desk::new().await;
    let replicas = [desk.codes(KEY, &[]), desk.codes(KEY, &[])];
    let phone = phone();
    let mut compared = 0;
    for _ in 0..3 {
        let code = sent(&replicas[0], &JobId::generate()).await;
        let wrong = other_than(&code);
        let guesses = (0..1_000).map(|guess| replicas[guess % 2].check(&phone, &wrong));
        let checked = futures_util::future::join_all(guesses).await;
        compared += checked.iter().filter(|checked| matches!(checked, Ok(Checked::Wrong))).count();
        assert!(checked.iter().all(|checked| matches!(checked, Ok(Checked::Wrong | Checked::Spent))));
        assert_eq!(check(&replicas[1], &code).await, Checked::Spent, "the right code comes too late");
    }
    println!("3,000 guesses in parallel over two replicas and three codes: {compared} comparisons");
    assert_eq!(compared, 5);
}

#[tokio::test]
async fn guesses_begin_anew_once_no_code_is_left_that_they_were_aimed_at() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[("RESEND_OTP_MAX_GUESSES", "2")]);
    let job = JobId::generate();
    let code = sent(&codes, &job).await;
    for _ in 0..2 {
        assert_eq!(check(&codes, &other_than(&code)).await, Checked::Wrong);
    }
    desk.set("expires", "1").await;
    offered(&codes, &job).await;
    assert_eq!(
        check(&codes, &code).await,
        Checked::Spent,
        "the same code offered again brings no new guesses"
    );
    desk.set("next_expires", "1").await;
    desk.set("expires", "1").await;
    let fresh = sent(&codes, &JobId::generate()).await;
    assert!(is_right(&codes, &fresh).await, "a phone is not locked for ever");
}

#[tokio::test]
async fn a_success_takes_guesses_back_unless_a_later_code_is_out() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[("RESEND_OTP_MAX_GUESSES", "3")]);
    let code = sent(&codes, &JobId::generate()).await;
    let later = offered(&codes, &JobId::generate()).await;
    assert_eq!(check(&codes, &other_than(&code)).await, Checked::Wrong);
    assert!(is_right(&codes, &code).await);
    assert_eq!(desk.record().await["guesses"], "2");
    assert!(is_right(&codes, &later.code).await);
    assert_eq!(desk.server.command::<u64>(&["EXISTS", "*:otp:*"]).await, 0);
    assert_eq!(check(&codes, &later.code).await, Checked::Wrong);
}

#[tokio::test]
async fn an_old_code_is_told_from_a_wrong_one_and_costs_no_guess() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let code = sent(&codes, &JobId::generate()).await;
    desk.set("expires", "1").await;
    for _ in 0..10 {
        assert_eq!(check(&codes, &code).await, Checked::Expired);
    }
}

#[tokio::test]
async fn a_phone_without_a_code_answers_as_one_with_a_code_does() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let guess = Code::new("123456".into());
    for _ in 0..5 {
        assert_eq!(check(&codes, &guess).await, Checked::Wrong);
    }
    assert_eq!(check(&codes, &guess).await, Checked::Spent);
    let code = sent(&codes, &JobId::generate()).await;
    assert!(is_right(&codes, &code).await, "guesses before there was a code do not count against it");
}

#[tokio::test]
async fn another_phones_code_is_none() {
    let desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let code = sent(&codes, &JobId::generate()).await;
    let other: PhoneNumber = "+380200000002".parse().unwrap();
    assert_eq!(codes.check(&other, &code).await.unwrap(), Checked::Wrong);
    assert!(is_right(&codes, &code).await);
}

#[tokio::test]
async fn keys_rotate_under_codes_that_are_out() {
    let desk = Desk::new().await;
    let before = desk.codes(KEY, &[]);
    let rotated = desk.codes(&format!("{LATER_KEY},{KEY}"), &[]);
    let job = JobId::generate();
    let code = sent(&before, &job).await;
    assert_eq!(offered(&rotated, &job).await.code, code, "a second message brings the same code");
    let next = offered(&rotated, &JobId::generate()).await;
    assert_ne!(next.code, code);
    assert!(is_right(&rotated, &code).await && is_right(&rotated, &next.code).await);
    assert!(rotated.offer(&phone(), &job).await.unwrap().is_none(), "also where it was used");
}

#[tokio::test]
async fn two_keys_allow_no_more_guesses_than_one_and_a_taken_code_is_the_only_one_under_both() {
    let desk = Desk::new().await;
    let code = sent(&desk.codes(KEY, &[]), &JobId::generate()).await;
    let rotated = desk.codes(&format!("{LATER_KEY},{KEY}"), &[]);
    let next = sent(&rotated, &JobId::generate()).await;
    assert_eq!(check(&rotated, &code).await, Checked::Wrong);
    for _ in 0..4 {
        assert_eq!(check(&rotated, &other_than(&next)).await, Checked::Wrong);
    }
    assert_eq!(check(&rotated, &next).await, Checked::Spent);
}

#[tokio::test]
async fn guesses_at_codes_that_are_gone_do_not_lock_those_under_the_next_key() {
    let desk = Desk::new().await;
    sent(&desk.codes(KEY, &[]), &JobId::generate()).await;
    let rotated = desk.codes(&format!("{LATER_KEY},{KEY}"), &[]);
    let first = sent(&rotated, &JobId::generate()).await;
    for _ in 0..4 {
        assert_eq!(check(&rotated, &other_than(&first)).await, Checked::Wrong);
    }
    assert!(is_right(&rotated, &first).await, "the fifth guess");
    let second = sent(&rotated, &JobId::generate()).await;
    for _ in 0..4 {
        assert_eq!(check(&rotated, &other_than(&second)).await, Checked::Wrong);
    }
    assert!(is_right(&rotated, &second).await, "the fifth guess at the next");
    let third = sent(&rotated, &JobId::generate()).await;
    for _ in 0..5 {
        assert_eq!(check(&rotated, &other_than(&third)).await, Checked::Wrong);
    }
    assert_eq!(check(&rotated, &third).await, Checked::Spent, "no more than five at any");
}

#[tokio::test]
async fn nothing_is_right_while_redis_is_away() {
    let mut desk = Desk::new().await;
    let codes = desk.codes(KEY, &[]);
    let code = sent(&codes, &JobId::generate()).await;
    desk.server.kill().await;
    assert!(codes.check(&phone(), &code).await.is_err());
    desk.server.restart().await;
    let checked = eventually("the code is checked", Duration::from_secs(5), || async {
        codes.check(&phone(), &code).await.ok()
    });
    assert!(matches!(checked.await, Checked::Right(_)), "it survived");
}
