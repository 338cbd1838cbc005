//! The guard before every message, on one server and in a cluster: an allowed message is counted once, a refused one
//! nowhere.

use std::path::Path;

use futures_util::future::join_all;
use redis::{Cmd, FromRedisValue, cmd};
use shared::domain::outcome::Reason;
use shared::domain::phone::PhoneNumber;
use shared::queue::{Delivery, Enqueued, GROUP, NewJob, Queue};
use shared::redis::Redis;
use shared::sending::codes::{Checked, Code, Codes};
use shared::sending::guard::{SendDecision, SendGuard};
use shared::sending::permit::SendPermit;
use shared::sending::phone_names::PhoneNames;
use shared::settings::{ApprovalLimits, MessageLimits, OtpConfig, QueueConfig, RedisConfig, Settings};
use tests::keys::keys;
use tests::redis_cluster::RedisCluster;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;

use crate::test_queue::{first_of, job};

mod deadline;
mod settling;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

enum Server {
    One(Box<RedisServer>),
    Cluster(RedisCluster),
}

/// A guard over a Redis of its own.
pub(crate) struct TestSendGuard {
    pub(crate) guard: SendGuard,
    pub(crate) codes: Codes,
    pub(crate) queue: Queue,
    limits: ApprovalLimits,
    server: Server,
    pub(crate) temp_dir: TempDir,
}

impl Server {
    /// The only node.
    fn node(&self) -> &RedisServer {
        match self {
            Self::One(server) => server,
            Self::Cluster(cluster) => &cluster.nodes[0],
        }
    }
}

impl TestSendGuard {
    /// A guard on either topology, with these settings.
    async fn both(changes: &[(&str, &str)]) -> [Self; 2] {
        [Self::one(changes).await, Self::cluster(changes).await]
    }

    pub(crate) async fn one(changes: &[(&str, &str)]) -> Self {
        let temp_dir = TempDir::new().unwrap();
        let server = Server::One(Box::new(RedisServer::start(temp_dir.path()).await));
        Self::over(server, temp_dir, changes).await
    }

    async fn cluster(changes: &[(&str, &str)]) -> Self {
        let temp_dir = TempDir::new().unwrap();
        let path: &Path = temp_dir.path();
        let server = Server::Cluster(RedisCluster::start(path, 1, 0).await);
        Self::over(server, temp_dir, changes).await
    }

    async fn over(server: Server, temp_dir: TempDir, changes: &[(&str, &str)]) -> Self {
        let settings = settings(&server, changes);
        let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
        let queue = Queue::new(redis, QueueConfig::from_settings(&settings).unwrap());
        queue.deliveries().make_group().await.unwrap();
        let (guard, codes) = guard_and_codes(&settings, &queue);
        let limits = without_a_clients_limit(&settings);
        Self { guard, codes, queue, limits, server, temp_dir }
    }

    /// Guard and codes as another process has them, under other settings.
    pub(crate) fn beside(&self, changes: &[(&str, &str)]) -> (SendGuard, Codes) {
        guard_and_codes(&settings(&self.server, changes), &self.queue)
    }

    pub(crate) fn server(&self) -> &RedisServer {
        self.server.node()
    }

    pub(crate) fn server_mut(&mut self) -> &mut RedisServer {
        match &mut self.server {
            Server::One(server) => server,
            Server::Cluster(cluster) => &mut cluster.nodes[0],
        }
    }

    fn shape(&self) -> &'static str {
        match self.server {
            Server::One(_) => "one server",
            Server::Cluster(_) => "cluster",
        }
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &mut Cmd) -> T {
        self.queue.redis().command(command).await.unwrap()
    }

    /// A job held by a worker.
    pub(crate) async fn held(&self, job: &NewJob) -> Delivery {
        let accepted = self.queue.producer().enqueue(job, &self.limits).await.unwrap();
        assert!(matches!(accepted, Enqueued::Accepted(_)), "{accepted:?}");
        self.next().await
    }

    /// The next entry, held by a worker.
    async fn next(&self) -> Delivery {
        let read = ["GROUP", GROUP, "w1", "COUNT", "1", "STREAMS", &keys().stream(), ">"];
        first_of(&self.ask(cmd("XREADGROUP").arg(&read)).await, "w1")
    }

    /// The same entry delivered once more.
    pub(crate) async fn again(&self, delivery: &Delivery) -> Delivery {
        let _: redis::Value =
            self.ask(cmd("XCLAIM").arg(&[&keys().stream(), GROUP, "w1", "0", &delivery.entry])).await;
        Delivery { number: delivery.number + 1, ..delivery.clone() }
    }

    pub(crate) async fn leave(&self, delivery: &Delivery, phone: &PhoneNumber) -> SendDecision {
        self.guard.ask(delivery, phone, Some(&self.codes)).await.unwrap()
    }

    pub(crate) async fn permit(&self, delivery: &Delivery, phone: &PhoneNumber) -> SendPermit {
        match self.leave(delivery, phone).await {
            SendDecision::Granted(permit) => permit,
            refused => panic!("{}: {refused:?}", self.shape()),
        }
    }

    /// The counts of phones, patients and clients; and codes.
    async fn counted(&self) -> [u64; 4] {
        let [mut phones, mut patients, mut clients, mut codes] = [0; 4];
        for key in self.server().command::<Vec<String>>(&["KEYS", "{resend}:*"]).await {
            let kind = key.split(':').nth(1).unwrap();
            if !["phone", "patient", "messages"].contains(&kind) {
                continue;
            }
            let text: String = self.ask(cmd("GET").arg(&key)).await;
            let lines = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count() as u64;
            match kind {
                "phone" => {
                    let sent = text.lines().find(|line| line.starts_with("sent "));
                    phones += sent.map_or(0, |line| line.split(' ').count() as u64 - 1);
                    codes += lines("code ");
                }
                "patient" => patients += lines(""),
                _ => clients += text.split([' ', ':']).skip(1).step_by(2).map(count).sum::<u64>(),
            }
        }
        [phones, patients, clients, codes]
    }

    pub(crate) async fn record(&self, delivery: &Delivery, field: &str) -> Option<String> {
        let key = self.queue.keys().job(&delivery.message.job);
        self.ask(cmd("HGET").arg(key).arg(field)).await
    }

    pub(crate) async fn set_record(&self, delivery: &Delivery, field: &str, value: &str) {
        let key = self.queue.keys().job(&delivery.message.job);
        let _: u64 = self.ask(cmd("HSET").arg(&[key.as_str(), field, value])).await;
    }
}

fn count(text: &str) -> u64 {
    text.parse().unwrap()
}

fn settings(server: &Server, changes: &[(&str, &str)]) -> Settings {
    let (url, mode) = match server {
        Server::One(server) => (server.url(), "single"),
        Server::Cluster(cluster) => (cluster.urls(), "cluster"),
    };
    let own = [("RESEND_REDIS_URL", url.as_str()), ("RESEND_REDIS_MODE", mode), ("RESEND_OTP_KEY", KEY)];
    Settings::from_pairs(own.into_iter().chain(changes.iter().copied())).unwrap()
}

fn guard_and_codes(settings: &Settings, queue: &Queue) -> (SendGuard, Codes) {
    let otp = OtpConfig::from_settings(settings).unwrap();
    let allowed = MessageLimits::from_settings(settings).unwrap();
    let names = PhoneNames::new(std::iter::once(&otp.key).chain(&otp.older_key));
    (SendGuard::new(&allowed, names, queue.clone()), Codes::new(&otp, queue.clone()))
}

/// The guard is under test, so every job reaches it.
fn without_a_clients_limit(settings: &Settings) -> ApprovalLimits {
    let limits = ApprovalLimits::from_settings(settings).unwrap();
    ApprovalLimits { jobs_per_client_minute: 0, ..limits }
}

pub(crate) fn phone(number: u32) -> PhoneNumber {
    format!("+3802000{number:05}").parse().unwrap()
}

/// A code of six digits that is not this one.
pub(crate) fn other_than(code: &Code) -> Code {
    Code::new(if code.expose().starts_with('0') { "100000".into() } else { "000000".into() })
}

#[tokio::test]
async fn leave_is_counted_once_however_often_the_same_delivery_asks() {
    for fixture in TestSendGuard::both(&[]).await {
        let (delivery, client) = (fixture.held(&job()).await, "verifier".parse().unwrap());
        for _ in 0..3 {
            let code = fixture.permit(&delivery, &phone(1)).await.offered.expect("a code").code;
            let checked = fixture.codes.check(&client, &phone(1), &other_than(&code)).await.unwrap();
            assert_eq!(checked, Checked::Wrong);
        }
        assert_eq!(fixture.counted().await, [1, 1, 1, 1], "{}", fixture.shape());
        assert_eq!(fixture.record(&delivery, "state").await.unwrap(), "sending");
        // The message of another delivery is another message.
        let second = fixture.again(&delivery).await;
        let permit = fixture.permit(&second, &phone(1)).await;
        assert!(permit.is_last());
        assert_eq!(fixture.counted().await, [2, 2, 2, 1], "{}", fixture.shape());
        let third = fixture.again(&second).await;
        assert!(
            matches!(fixture.leave(&third, &phone(1)).await, SendDecision::Exhausted),
            "{}",
            fixture.shape()
        );
        assert_eq!(fixture.counted().await, [2, 2, 2, 1], "{}", fixture.shape());
    }
}

#[tokio::test]
async fn what_a_limit_refuses_is_counted_nowhere() {
    for (setting, reason) in [
        ("RESEND_LIMIT_PER_PHONE_HOUR", Reason::PhoneHour),
        ("RESEND_LIMIT_PER_PHONE_DAY", Reason::PhoneDay),
        ("RESEND_LIMIT_PER_PATIENT_DAY", Reason::PatientDay),
        ("RESEND_LIMIT_PER_CLIENT_MINUTE", Reason::ClientMinute),
        ("RESEND_LIMIT_TOTAL_MINUTE", Reason::TotalMinute),
    ] {
        for fixture in TestSendGuard::both(&[(setting, "2")]).await {
            let patient = job().patient;
            let mut counted = [0; 4];
            for _ in 0..2 {
                fixture.permit(&fixture.held(&NewJob { patient, ..job() }).await, &phone(1)).await;
                counted = fixture.counted().await;
            }
            let refused = fixture.held(&NewJob { patient, ..job() }).await;
            let SendDecision::LimitReached(reached) = fixture.leave(&refused, &phone(1)).await else {
                panic!("{}: {setting}", fixture.shape())
            };
            let wait = i128::from(reached.next_attempt_ms) - i128::from(shared::domain::clock::now_ms());
            assert_eq!(reached.limit, reason, "{}", fixture.shape());
            assert!((59_000..=86_400_000).contains(&wait), "{wait}");
            assert_eq!(fixture.counted().await, counted, "{}: {setting}", fixture.shape());
            assert_eq!(fixture.record(&refused, "state").await.unwrap(), "queued");
        }
    }
}

#[tokio::test]
async fn zero_switches_a_limit_off() {
    let off = [
        ("RESEND_LIMIT_PER_PHONE_HOUR", "0"),
        ("RESEND_LIMIT_PER_PHONE_DAY", "0"),
        ("RESEND_LIMIT_PER_PATIENT_DAY", "0"),
        ("RESEND_LIMIT_PER_CLIENT_MINUTE", "0"),
    ];
    let fixture = TestSendGuard::one(&off).await;
    let patient = job().patient;
    for _ in 0..20 {
        fixture.permit(&fixture.held(&NewJob { patient, ..job() }).await, &phone(1)).await;
    }
    let [phones, patients, clients, codes] = fixture.counted().await;
    assert_eq!((phones, clients, codes), (0, 0, 8), "what no limit looks at is not kept");
    assert_eq!(patients, 20, "the cool-down and the hour of an approval rest on it");
}

/// The longest wait is the client's business, whichever limit asks for it.
#[tokio::test]
async fn of_several_limits_the_one_that_lasts_longest_is_named() {
    let limits = [("RESEND_LIMIT_PER_CLIENT_MINUTE", "1"), ("RESEND_LIMIT_PER_PHONE_HOUR", "1")];
    let fixture = TestSendGuard::one(&limits).await;
    fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    let refused = fixture.held(&job()).await;
    for (number, reason) in [(1, Reason::PhoneHour), (2, Reason::ClientMinute)] {
        let SendDecision::LimitReached(reached) = fixture.leave(&refused, &phone(number)).await else {
            panic!("let through")
        };
        assert_eq!(reached.limit, reason);
    }
}

#[tokio::test]
async fn the_window_slides_and_a_message_leaves_it_when_it_is_an_hour_old() {
    let fixture = TestSendGuard::one(&[("RESEND_LIMIT_PER_PHONE_HOUR", "2")]).await;
    fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    let phones: Vec<String> = fixture.server().command(&["KEYS", &keys().phone("*")]).await;
    let now = shared::domain::clock::now_ms();
    let sent = |ages: [u64; 2]| format!("sent {} {}", now - ages[0], now - ages[1]);
    let _: () = fixture.ask(cmd("SET").arg(&[&phones[0], &sent([3_590_000, 1_000])])).await;
    let refused = fixture.held(&job()).await;
    let SendDecision::LimitReached(reached) = fixture.leave(&refused, &phone(1)).await else {
        panic!("third")
    };
    assert_eq!(reached.next_attempt_ms, now - 3_590_000 + 3_600_000);
    let _: () = fixture.ask(cmd("SET").arg(&[&phones[0], &sent([3_600_001, 1_000])])).await;
    fixture.permit(&refused, &phone(1)).await;
}

#[tokio::test]
async fn no_lock_outlasts_its_window_because_the_clock_was_set_back() {
    let limits = [("RESEND_LIMIT_PER_PHONE_HOUR", "1"), ("RESEND_LIMIT_PER_CLIENT_MINUTE", "1")];
    let fixture = TestSendGuard::one(&limits).await;
    fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    let phones: Vec<String> = fixture.server().command(&["KEYS", &keys().phone("*")]).await;
    let ahead = shared::domain::clock::now_ms() + 7_200_000;
    let _: () = fixture.ask(cmd("SET").arg(&[&phones[0], &format!("sent {ahead}")])).await;
    let client = keys().client_messages("mis-a");
    let _: () = fixture.ask(cmd("SET").arg(&[&client, &format!("{}:1", ahead / 5_000)])).await;
    let refused = fixture.held(&job()).await;
    assert!(matches!(fixture.leave(&refused, &phone(1)).await, SendDecision::LimitReached(_)));
    let now = shared::domain::clock::now_ms();
    for key in [phones[0].as_str(), client.as_str()] {
        let text: String = fixture.ask(cmd("GET").arg(key)).await;
        let at = text.split([' ', ':', '\n']).find_map(|word| word.parse::<u64>().ok()).unwrap();
        assert!(at <= now, "written back as now: from here on it ages: {text}");
    }
}

#[tokio::test]
async fn a_delivery_that_is_lost_leaves_nothing_counted() {
    for fixture in TestSendGuard::both(&[]).await {
        let lost = fixture.held(&job()).await;
        fixture.again(&lost).await;
        assert!(matches!(fixture.leave(&lost, &phone(1)).await, SendDecision::Lost), "{}", fixture.shape());
        assert_eq!(fixture.counted().await, [0; 4]);
    }
}

#[tokio::test]
async fn where_somebody_else_makes_the_code_none_is_offered() {
    for fixture in TestSendGuard::both(&[]).await {
        let delivery = fixture.held(&job()).await;
        let leave = fixture.guard.ask(&delivery, &phone(1), None).await.unwrap();
        assert!(
            matches!(leave, SendDecision::Granted(SendPermit { offered: None, .. })),
            "{}: {leave:?}",
            fixture.shape()
        );
        assert_eq!(fixture.counted().await, [1, 1, 1, 0], "{}", fixture.shape());
    }
}

#[tokio::test]
async fn of_many_who_ask_at_once_as_many_pass_as_there_is_room_for() {
    for fixture in TestSendGuard::both(&[("RESEND_LIMIT_PER_PHONE_HOUR", "5")]).await {
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(fixture.held(&job()).await);
        }
        let one = phone(1);
        let answers = join_all(held.iter().map(|delivery| fixture.leave(delivery, &one))).await;
        let given = answers.iter().filter(|leave| matches!(leave, SendDecision::Granted(_))).count();
        let refused = answers.iter().filter(|leave| matches!(leave, SendDecision::LimitReached(_))).count();
        assert_eq!((given, refused), (5, 95), "{}", fixture.shape());
        assert_eq!(fixture.counted().await, [5, 5, 5, 5], "{}", fixture.shape());
    }
}

/// No job takes a place, even for a moment, that another limit keeps it from using.
#[tokio::test]
async fn who_is_refused_by_one_limit_keeps_nobody_out_of_another() {
    let limits = [("RESEND_LIMIT_PER_PHONE_HOUR", "1"), ("RESEND_LIMIT_PER_CLIENT_MINUTE", "21")];
    let fixture = TestSendGuard::one(&limits).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(fixture.held(&job()).await);
    }
    // Of every five, four are to one phone, which has had its message after the first.
    let phones: Vec<_> = (0..100).map(|number| phone(if number % 5 == 0 { number } else { 1 })).collect();
    let asked = held.iter().zip(&phones).map(|(delivery, phone)| fixture.leave(delivery, phone));
    let answers = join_all(asked).await;
    let given = answers.iter().filter(|leave| matches!(leave, SendDecision::Granted(_))).count();
    assert_eq!(given, 21, "twenty phones of their own, and the shared one once");
}

#[tokio::test]
async fn what_no_build_of_ours_wrote_is_replaced_and_holds_up_nobody() {
    let fixture = TestSendGuard::one(&[]).await;
    let delivery = fixture.held(&job()).await;
    let patient = fixture.queue.keys().patient(&delivery.message.patient);
    fixture.ask::<u64>(cmd("RPUSH").arg(&[patient.as_str(), "no text"])).await;
    fixture.permit(&fixture.held(&job()).await, &phone(1)).await;
    let phones: Vec<String> = fixture.server().command(&["KEYS", &keys().phone("*")]).await;
    let _: () = fixture.ask(cmd("SET").arg(&[&phones[0], "code x\nsent yesterday\n\u{1}"])).await;
    fixture.permit(&delivery, &phone(1)).await;
    assert_eq!(fixture.counted().await, [1, 2, 2, 1]);
}
