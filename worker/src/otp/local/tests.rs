use std::time::Duration;

use super::*;
use crate::testing::PHONE;
use crate::testing::redis::PrivateRedis;

const LIFE: Duration = Duration::from_mins(5);

fn codes(redis: &PrivateRedis, key: u8, older: Option<u8>) -> LocalCodes {
    let secret = |byte| vec![byte; 32].into();
    let config = OtpConfig { key: secret(key), older_key: older.map(secret), length: 6, life: LIFE };
    LocalCodes::new(&config, redis.queue.clone())
}

fn phone() -> PhoneNumber {
    PHONE.parse().unwrap()
}

fn hash(key: u8, job: &JobId, code: &Code) -> String {
    OtpKey::new(&vec![key; 32].into()).hash(&phone(), job, code)
}

async fn life_left(redis: &PrivateRedis, key: &str) -> i64 {
    let mut left = Cmd::new();
    left.arg("PTTL").arg(key);
    redis.queue.redis().command(&left).await.unwrap()
}

#[tokio::test]
async fn a_code_is_checkable_before_it_leaves_and_the_one_before_stays() {
    let redis = PrivateRedis::start().await;
    let codes = codes(&redis, 1, None);
    let (first, second) = (JobId::generate(), JobId::generate());
    let one = codes.offer(&phone(), &first).await.unwrap();
    assert!(codes.activate(&one, &first).await.unwrap());
    let two = codes.offer(&phone(), &second).await.unwrap();

    let record = redis.hash(&two.record).await;
    assert_eq!((record["job"].as_str(), record["next_job"].as_str()), (first.as_str(), second.as_str()));
    assert_eq!(record["hash"], hash(1, &first, &one.code));
    assert_eq!(record["next_hash"], hash(1, &second, &two.code));
}

#[tokio::test]
async fn a_taken_code_is_the_only_one_and_lives_its_whole_life() {
    let redis = PrivateRedis::start().await;
    let codes = codes(&redis, 1, None);
    let (first, second) = (JobId::generate(), JobId::generate());
    for job in [&first, &second] {
        let offered = codes.offer(&phone(), job).await.unwrap();
        assert!(codes.activate(&offered, job).await.unwrap());
        assert!(codes.activate(&offered, job).await.unwrap(), "twice is as good as once");
        let record = redis.hash(&offered.record).await;
        assert_eq!(record.keys().collect::<Vec<_>>(), ["expires", "hash", "job"]);
        assert_eq!(record["hash"], hash(1, job, &offered.code));
        let left = record["expires"].parse::<u64>().unwrap() - shared::clock::now_ms();
        assert!((290_000..=300_000).contains(&left), "{left} ms");
    }
}

#[tokio::test]
async fn nothing_stays_for_ever() {
    let redis = PrivateRedis::start().await;
    let codes = codes(&redis, 1, None);
    let job = JobId::generate();
    let offered = codes.offer(&phone(), &job).await.unwrap();
    assert!((590_000..=600_000).contains(&life_left(&redis, &offered.record).await));
    codes.activate(&offered, &job).await.unwrap();
    assert!((590_000..=600_000).contains(&life_left(&redis, &offered.record).await));
}

#[tokio::test]
async fn no_resend_takes_a_guess_back() {
    let redis = PrivateRedis::start().await;
    let codes = codes(&redis, 1, None);
    let job = JobId::generate();
    let offered = codes.offer(&phone(), &job).await.unwrap();
    let mut guess = Cmd::new();
    guess.arg("HINCRBY").arg(&offered.record).arg("guesses").arg(4);
    redis.queue.redis().command::<i64>(&guess).await.unwrap();
    codes.activate(&offered, &job).await.unwrap();
    codes.offer(&phone(), &JobId::generate()).await.unwrap();
    assert_eq!(redis.hash(&offered.record).await["guesses"], "4");
}

#[tokio::test]
async fn an_offer_that_was_overtaken_or_used_does_not_come_back() {
    let redis = PrivateRedis::start().await;
    let codes = codes(&redis, 1, None);
    let (first, second) = (JobId::generate(), JobId::generate());
    let one = codes.offer(&phone(), &first).await.unwrap();
    codes.offer(&phone(), &second).await.unwrap();
    assert!(!codes.activate(&one, &first).await.unwrap());
    let record = redis.hash(&one.record).await;
    assert_eq!((record["next_job"].as_str(), record.get("job")), (second.as_str(), None));
}

#[tokio::test]
async fn every_try_of_a_job_brings_the_same_code_also_while_keys_rotate() {
    let redis = PrivateRedis::start().await;
    let job = JobId::generate();
    let before = codes(&redis, 1, None).offer(&phone(), &job).await.unwrap();
    let rotated = codes(&redis, 2, Some(1));
    assert_eq!(rotated.offer(&phone(), &job).await.unwrap().code, before.code);
    let fresh = JobId::generate();
    let after = rotated.offer(&phone(), &fresh).await.unwrap();
    assert_eq!(after.code, codes(&redis, 2, None).offer(&phone(), &fresh).await.unwrap().code);
}

#[tokio::test]
async fn redis_holds_neither_the_number_nor_the_code() {
    let redis = PrivateRedis::start().await;
    let job = JobId::generate();
    let offered = codes(&redis, 1, None).offer(&phone(), &job).await.unwrap();
    let fields = format!("{} {:?}", offered.record, redis.hash(&offered.record).await);
    assert!(
        !fields.contains("931234585") && !fields.contains(&format!("\"{}\"", offered.code.expose())),
        "{fields}"
    );
    assert!(
        offered.record.starts_with("resend:{") && offered.record.ends_with("}:otp"),
        "{}",
        offered.record
    );
}
