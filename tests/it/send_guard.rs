//! The gate every message passes, over one server, which does it in one step, and in a cluster, where it takes several:
//! the same is let through, and what is refused is counted nowhere.

use std::path::Path;

use futures_util::future::join_all;
use redis::{Cmd, FromRedisValue, cmd};
use shared::domain::phone::PhoneNumber;
use shared::queue::{Delivery, Enqueued, GROUP, NewJob, Queue};
use shared::redis::Redis;
use shared::sending::codes::{Checked, Codes};
use shared::sending::guard::{SendDecision, SendGuard, SendPermit};
use shared::sending::limits::PhoneNames;
use shared::settings::{ApprovalLimits, MessageLimits, OtpConfig, QueueConfig, RedisConfig, Settings};
use tests::place::Place;
use tests::redis_cluster::RedisCluster;
use tests::redis_server::RedisServer;

use crate::bench::job;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const STREAM: &str = "{resend}:stream";

/// What a read answers: streams, their entries, and the fields of each.
type Streams = Vec<(String, Vec<(String, Vec<String>)>)>;

enum Server {
    One(Box<RedisServer>),
    Cluster(RedisCluster),
}

/// A gate over a Redis of its own.
struct Door {
    gate: SendGuard,
    codes: Codes,
    queue: Queue,
    limits: ApprovalLimits,
    server: Server,
    _place: Place,
}

impl Server {
    async fn one(folder: &Path) -> Self {
        Self::One(Box::new(RedisServer::start(folder).await))
    }

    async fn cluster(folder: &Path) -> Self {
        Self::Cluster(RedisCluster::start(folder, 1, 0).await)
    }

    /// The only node.
    fn node(&self) -> &RedisServer {
        match self {
            Self::One(server) => server,
            Self::Cluster(cluster) => &cluster.nodes[0],
        }
    }
}

impl Door {
    /// One in either shape, under these settings.
    async fn both(changes: &[(&str, &str)]) -> [Self; 2] {
        let places = [Place::new().unwrap(), Place::new().unwrap()];
        let servers = [Server::one(places[0].path()).await, Server::cluster(places[1].path()).await];
        let [one, cluster] = places;
        let mut servers = servers.into_iter();
        [
            Self::over(servers.next().unwrap(), one, changes).await,
            Self::over(servers.next().unwrap(), cluster, changes).await,
        ]
    }

    async fn one(changes: &[(&str, &str)]) -> Self {
        let place = Place::new().unwrap();
        Self::over(Server::one(place.path()).await, place, changes).await
    }

    async fn over(server: Server, place: Place, changes: &[(&str, &str)]) -> Self {
        let (url, mode) = match &server {
            Server::One(server) => (server.url(), "single"),
            Server::Cluster(cluster) => (cluster.urls(), "cluster"),
        };
        let own = [("RESEND_REDIS_URL", url.as_str()), ("RESEND_REDIS_MODE", mode), ("RESEND_OTP_KEY", KEY)];
        let settings = Settings::from_pairs(own.into_iter().chain(changes.iter().copied())).unwrap();
        let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
        let queue = Queue::new(redis, QueueConfig::from_settings(&settings).unwrap());
        queue.make_group().await.unwrap();
        let otp = OtpConfig::from_settings(&settings).unwrap();
        let allowed = MessageLimits::from_settings(&settings).unwrap();
        Self {
            gate: SendGuard::new(allowed, PhoneNames::new([&otp.key]), queue.clone()),
            codes: Codes::new(&otp, queue.clone()),
            limits: without_a_clients_limit(&settings),
            queue,
            server,
            _place: place,
        }
    }

    fn shape(&self) -> &'static str {
        match self.server {
            Server::One(_) => "one server",
            Server::Cluster(_) => "cluster",
        }
    }

    async fn ask<T: FromRedisValue>(&self, command: &mut Cmd) -> T {
        self.queue.redis().command(command).await.unwrap()
    }

    /// A job in the hands of a worker.
    async fn held(&self, job: &NewJob) -> Delivery {
        let accepted = self.queue.enqueue(job, &self.limits).await.unwrap();
        assert!(matches!(accepted, Enqueued::Accepted(_)), "{accepted:?}");
        let read = ["GROUP", GROUP, "w1", "COUNT", "1", "STREAMS", STREAM, ">"];
        let answer: Streams = self.ask(cmd("XREADGROUP").arg(&read)).await;
        let (entry, fields) = answer[0].1[0].clone();
        let message = shared::domain::message::Message::decode(fields[1].as_bytes()).unwrap();
        let accepted_ms = fields[3].parse().unwrap();
        Delivery { message, accepted_ms, entry, consumer: "w1".into(), number: 1 }
    }

    /// The same entry delivered once more.
    async fn again(&self, delivery: &Delivery) -> Delivery {
        let _: redis::Value = self.ask(cmd("XCLAIM").arg(&[STREAM, GROUP, "w1", "0", &delivery.entry])).await;
        Delivery { number: delivery.number + 1, ..delivery.clone() }
    }

    async fn leave(&self, delivery: &Delivery, phone: &PhoneNumber) -> SendDecision {
        self.gate.ask(delivery, phone, Some(&self.codes)).await.unwrap()
    }

    async fn given(&self, delivery: &Delivery, phone: &PhoneNumber) -> SendPermit {
        match self.leave(delivery, phone).await {
            SendDecision::Granted(given) => given,
            refused => panic!("{}: {refused:?}", self.shape()),
        }
    }

    /// Messages counted in all, by limits and by approvals, and records of codes.
    async fn counted(&self) -> (u64, u64, usize) {
        let keys = async |of: &str| -> Vec<String> { self.server.node().command(&["KEYS", of]).await };
        let (mut limits, mut sends) = (0, 0);
        for key in keys("*:limit:*").await {
            limits += self.ask::<u64>(cmd("ZCARD").arg(key)).await;
        }
        for key in keys("*:sends:*").await {
            sends += self.ask::<u64>(cmd("LLEN").arg(key)).await;
        }
        (limits, sends, keys("*:otp:*").await.len())
    }

    async fn record(&self, delivery: &Delivery, field: &str) -> String {
        let key = self.queue.keys().job(&delivery.message.job);
        self.ask(cmd("HGET").arg(key).arg(field)).await
    }
}

/// The gate is what is looked at, so every job comes up to it.
fn without_a_clients_limit(settings: &Settings) -> ApprovalLimits {
    ApprovalLimits { jobs_per_client_minute: 0, ..ApprovalLimits::from_settings(settings).unwrap() }
}

fn phone(number: u32) -> PhoneNumber {
    format!("+3802000{number:05}").parse().unwrap()
}

#[tokio::test]
async fn leave_is_counted_once_however_often_the_same_delivery_asks() {
    for door in Door::both(&[]).await {
        let delivery = door.held(&job()).await;
        for _ in 0..3 {
            let given = door.given(&delivery, &phone(1)).await;
            let code = given.offered.expect("a code").code;
            assert!(matches!(door.codes.check(&phone(1), &other(&code)).await.unwrap(), Checked::Wrong));
        }
        // Phone, patient and client; one send; one code.
        assert_eq!(door.counted().await, (3, 1, 1), "{}", door.shape());
        assert_eq!(door.record(&delivery, "state").await, "sending");
        // The message of another delivery is another message.
        let second = door.again(&delivery).await;
        door.given(&second, &phone(1)).await;
        assert_eq!(door.counted().await, (6, 2, 1), "{}", door.shape());
        let third = door.again(&second).await;
        assert!(matches!(door.leave(&third, &phone(1)).await, SendDecision::Exhausted), "{}", door.shape());
        assert_eq!(door.counted().await, (6, 2, 1), "{}", door.shape());
    }
}

/// A code that is not this one.
fn other(code: &shared::sending::codes::Code) -> shared::sending::codes::Code {
    shared::sending::codes::Code::new(if code.expose() == "000000" { "000001" } else { "000000" }.to_owned())
}

#[tokio::test]
async fn what_a_limit_refuses_is_counted_nowhere() {
    for (setting, name) in [
        ("RESEND_LIMIT_PER_PHONE_HOUR", "phone_hour"),
        ("RESEND_LIMIT_PER_PHONE_DAY", "phone_day"),
        ("RESEND_LIMIT_PER_CLIENT_MINUTE", "client_minute"),
        ("RESEND_LIMIT_TOTAL_MINUTE", "total_minute"),
    ] {
        for door in Door::both(&[(setting, "2")]).await {
            let mut counted = (0, 0, 0);
            for _ in 0..2 {
                door.given(&door.held(&job()).await, &phone(1)).await;
                counted = door.counted().await;
            }
            let refused = door.held(&job()).await;
            let SendDecision::LimitReached(reached) = door.leave(&refused, &phone(1)).await else {
                panic!("{}: {setting}", door.shape())
            };
            let wait = i128::from(reached.next_attempt_ms) - i128::from(shared::domain::clock::now_ms());
            assert_eq!(reached.limit.as_str(), name, "{}", door.shape());
            assert!((30_000..=86_400_000).contains(&wait), "{wait}");
            assert_eq!(door.counted().await, counted, "{}: {setting}", door.shape());
            assert_eq!(door.record(&refused, "state").await, "queued");
        }
    }
}

/// The longest wait is the client's business, whichever limit asks for it.
#[tokio::test]
async fn of_several_limits_the_one_that_lasts_longest_is_named() {
    let limits = [("RESEND_LIMIT_PER_CLIENT_MINUTE", "1"), ("RESEND_LIMIT_PER_PHONE_HOUR", "1")];
    for door in Door::both(&limits).await {
        door.given(&door.held(&job()).await, &phone(1)).await;
        let refused = door.held(&job()).await;
        let SendDecision::LimitReached(reached) = door.leave(&refused, &phone(1)).await else {
            panic!("let through")
        };
        assert_eq!(reached.limit.as_str(), "phone_hour", "{}", door.shape());
        let SendDecision::LimitReached(reached) = door.leave(&refused, &phone(2)).await else {
            panic!("let through")
        };
        assert_eq!(reached.limit.as_str(), "client_minute", "{}", door.shape());
    }
}

#[tokio::test]
async fn a_delivery_that_is_too_late_or_lost_leaves_nothing_counted() {
    for door in Door::both(&[]).await {
        let late = door.held(&job()).await;
        let key = door.queue.keys().job(&late.message.job);
        let _: u64 = door.ask(cmd("HSET").arg(&[key.as_str(), "deadline", "1"])).await;
        assert!(matches!(door.leave(&late, &phone(1)).await, SendDecision::Late), "{}", door.shape());
        assert_eq!(door.counted().await, (0, 0, 0), "{}", door.shape());
        let lost = door.held(&job()).await;
        door.again(&lost).await;
        assert!(matches!(door.leave(&lost, &phone(1)).await, SendDecision::Lost), "{}", door.shape());
        let (_, sends, codes) = door.counted().await;
        assert_eq!((sends, codes), (0, 0), "{}", door.shape());
    }
}

#[tokio::test]
async fn what_certainly_was_not_sent_makes_room_for_another_message() {
    let limit = [("RESEND_LIMIT_PER_PHONE_HOUR", "1"), ("RESEND_LIMIT_PER_CLIENT_MINUTE", "1")];
    for door in Door::both(&limit).await {
        let given = door.given(&door.held(&job()).await, &phone(1)).await;
        door.gate.refund(&given.counted).await;
        assert_eq!(door.counted().await.0, 0, "{}", door.shape());
        door.given(&door.held(&job()).await, &phone(1)).await;
    }
}

#[tokio::test]
async fn a_code_that_was_used_is_not_offered_again() {
    for door in Door::both(&[]).await {
        let delivery = door.held(&job()).await;
        let code = door.given(&delivery, &phone(1)).await.offered.expect("a code").code;
        assert!(matches!(door.codes.check(&phone(1), &code).await.unwrap(), Checked::Right(_)));
        let again = door.again(&delivery).await;
        assert!(door.given(&again, &phone(1)).await.offered.is_none(), "{}", door.shape());
    }
}

#[tokio::test]
async fn where_somebody_else_makes_the_code_none_is_offered() {
    for door in Door::both(&[]).await {
        let delivery = door.held(&job()).await;
        let leave = door.gate.ask(&delivery, &phone(1), None).await.unwrap();
        assert!(
            matches!(leave, SendDecision::Granted(SendPermit { offered: None, .. })),
            "{}: {leave:?}",
            door.shape()
        );
        assert_eq!(door.counted().await, (3, 1, 0), "{}", door.shape());
    }
}

#[tokio::test]
async fn of_many_who_ask_at_once_as_many_pass_as_there_is_room_for() {
    for door in Door::both(&[("RESEND_LIMIT_PER_PHONE_HOUR", "5")]).await {
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(door.held(&job()).await);
        }
        let one = phone(1);
        let answers = join_all(held.iter().map(|delivery| door.leave(delivery, &one))).await;
        let given = answers.iter().filter(|leave| matches!(leave, SendDecision::Granted(_))).count();
        let refused = answers.iter().filter(|leave| matches!(leave, SendDecision::LimitReached(_))).count();
        assert_eq!((given, refused), (5, 95), "{}", door.shape());
        // Phone, patients and client.
        assert_eq!(door.counted().await, (15, 5, 1), "{}", door.shape());
    }
}

/// In one step nobody takes a place, even for a moment, that another limit keeps them from using.
#[tokio::test]
async fn who_is_refused_by_one_limit_keeps_nobody_out_of_another() {
    let limits = [("RESEND_LIMIT_PER_PHONE_HOUR", "1"), ("RESEND_LIMIT_PER_CLIENT_MINUTE", "21")];
    let door = Door::one(&limits).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(door.held(&job()).await);
    }
    // Of every five, four are to one phone, which has had its message after the first.
    let phones: Vec<_> = (0..100).map(|number| phone(if number % 5 == 0 { number } else { 1 })).collect();
    let asked = held.iter().zip(&phones).map(|(delivery, phone)| door.leave(delivery, phone));
    let answers = join_all(asked).await;
    let given = answers.iter().filter(|leave| matches!(leave, SendDecision::Granted(_))).count();
    assert_eq!(given, 21, "twenty phones of their own, and the shared one once");
}

#[tokio::test]
async fn a_key_that_is_spoilt_is_its_own_jobs_error_and_others_are_counted_once() {
    let door = Door::one(&[("RESEND_LIMIT_PER_CLIENT_MINUTE", "0")]).await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(door.held(&job()).await);
    }
    let patient = door.queue.keys().limit("patient", &held[20].message.patient.to_string());
    let _: () = door.ask(cmd("SET").arg(&[patient.as_str(), "no set"])).await;
    let phones: Vec<_> = (0..50).map(phone).collect();
    let asked = held.iter().zip(&phones);
    let answers =
        join_all(asked.map(|(delivery, phone)| door.gate.ask(delivery, phone, Some(&door.codes)))).await;
    let failed: Vec<_> = (0..50).filter(|i| answers[*i].is_err()).collect();
    let given = answers.iter().filter(|answer| matches!(answer, Ok(SendDecision::Granted(_)))).count();
    assert_eq!((failed, given), (vec![20], 49));
    let _: u64 = door.ask(cmd("DEL").arg(&patient)).await;
    // Phone and patient of each.
    assert_eq!(door.counted().await, (98, 49, 49));
}
