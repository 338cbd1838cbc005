use redis::Cmd;
use serde_json::{Value, json};
use shared::domain::ids::RequestId;
use shared::domain::message::Message;
use shared::domain::outcome::Refusal;
use shared::queue::{Enqueued, GROUP, NewJob};
use shared::settings::{ApprovalLimits, Settings};

use super::*;
use crate::config::WorkerConfig;
use crate::testing::redis::PrivateRedis;
use crate::testing::upstream::{Seen, Service, reply};
use crate::testing::{APPROVAL, PATIENT, PHONE, approval, person};

/// A job in a worker's hands, with everything around it.
struct Job {
    redis: PrivateRedis,
    gateway: Service,
    registry: Service,
    context: Context,
    config: WorkerConfig,
    delivery: Delivery,
}

/// What a service answers: status and body.
type Answer = (u16, Value);

impl Job {
    async fn new(person: Answer, approval: Answer, gateway: u16) -> Self {
        shared::runtime::tls::install_crypto_provider();
        let registry = Service::answering(move |seen: &Seen| {
            let (status, body) = if seen.path.starts_with("/persons/") { &person } else { &approval };
            reply(*status, &[], &body.to_string())
        })
        .await;
        let gateway = Service::always(gateway, &[], r#"{"message_id":"sms-1"}"#).await;
        let redis = PrivateRedis::start().await;
        let config = config(&registry.url, &gateway.url);
        let context = Context::new(&config, redis.queue.clone()).unwrap();
        let delivery = delivered(&redis).await;
        Self { redis, gateway, registry, context, config, delivery }
    }

    /// A job that has everything to be sent, but for the gateway's answer.
    async fn ready(gateway: u16) -> Self {
        Self::new(known_person(), (200, json!({"data": approval(&json!({}))})), gateway).await
    }

    async fn run(&self) -> JobDisposition {
        self.run_noting(&RunState::default()).await
    }

    /// The run, with what it tells of itself.
    async fn run_noting(&self, state: &RunState) -> JobDisposition {
        resend_approval(&self.delivery, &self.context, state, Slot::none()).await
    }

    fn texts(&self) -> Vec<String> {
        let texts = self.gateway.seen().into_iter();
        texts.map(|seen| serde_json::from_slice::<Value>(&seen.body).unwrap()["text"].to_string()).collect()
    }
}

fn known_person() -> Answer {
    (200, json!({"data": person(&json!({"type": "OTP", "phone_number": PHONE}))}))
}

fn config(registry: &str, gateway: &str) -> WorkerConfig {
    let settings = Settings::from_pairs([
        ("RESEND_REGISTRY_URL", registry),
        ("RESEND_SMS_URL", gateway),
        ("RESEND_OTP_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ]);
    WorkerConfig::from_settings(&settings.unwrap()).unwrap()
}

/// Enqueues a job and takes it up as a worker does.
async fn delivered(redis: &PrivateRedis) -> Delivery {
    let queue = &redis.queue;
    let (patient, approval) = (PATIENT.parse().unwrap(), APPROVAL.parse().unwrap());
    let (client, request) = ("client".parse().unwrap(), RequestId::generate());
    let new = NewJob { patient, approval, client, request, trace: None, idempotency: None };
    let limits = ApprovalLimits::from_settings(&Settings::default()).unwrap();
    let accepted = queue.producer().enqueue(&new, &limits).await.unwrap();
    assert!(matches!(accepted, Enqueued::Accepted(_)), "{accepted:?}");

    let stream = queue.keys().stream();
    let mut group = Cmd::new();
    group.arg("XGROUP").arg("CREATE").arg(&stream).arg(GROUP).arg("0");
    queue.redis().command::<()>(&group).await.unwrap();
    let mut read = Cmd::new();
    read.arg("XREADGROUP").arg("GROUP").arg(GROUP).arg("worker-1").arg("STREAMS").arg(&stream).arg(">");
    let read: redis::streams::StreamReadReply = queue.redis().command(&read).await.unwrap();
    let entry = &read.keys[0].ids[0];
    let message = Message::decode(entry.get::<String>("m").unwrap().as_bytes()).unwrap();
    let (entry, accepted_ms) = (entry.id.clone(), shared::domain::clock::now_ms());
    Delivery { message, accepted_ms, entry, consumer: "worker-1".into(), number: 1 }
}

fn refused(refusal: Refusal) -> JobDisposition {
    JobDisposition::End(Outcome::Refused(refusal))
}

#[tokio::test]
async fn a_code_is_sent_and_the_approval_is_the_result() {
    let (job, state) = (Job::ready(200).await, RunState::default());
    let JobDisposition::End(Outcome::Sent(data)) = job.run_noting(&state).await else { panic!("not sent") };
    assert_eq!(
        serde_json::from_str::<Value>(&data).unwrap(),
        json!({
            "id": APPROVAL, "expires_at": 4_102_444_800_i64, "status": "new", "access_level": "read",
            "authentication_method_current": {"type": "OTP", "number": "+38093*****85"},
        })
    );
    let [request] = &job.gateway.seen()[..] else { panic!("one message") };
    assert_eq!(request.headers["idempotency-key"], job.delivery.message.job.as_str());
    assert_eq!(request.headers["x-request-id"], job.delivery.message.request.as_str());
    let order: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&order["to"], &order["from"]), (&json!(PHONE), &json!("eHealth")));
    let code =
        order["text"].as_str().unwrap().strip_prefix("Код авторизації дій в системі eHealth: ").unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let told = state.told();
    assert_eq!(told.channel, Some("http"));
    assert!(told.taken.is_some(), "the job's end is to activate the code");
}

#[tokio::test]
async fn what_is_decided_sends_nothing() {
    let ok = |changes: Value| (200, json!({"data": approval(&changes)}));
    let missing = || (404, json!({"error": {"type": "not_found"}}));
    let mut inactive = known_person();
    inactive.1["data"]["status"] = json!("inactive");
    for (person, approval, expected) in [
        (missing(), missing(), Refusal::PersonNotFound),
        (missing(), (500, json!({})), Refusal::PersonNotFound),
        (inactive, missing(), Refusal::PersonInactive),
        (known_person(), missing(), Refusal::ApprovalNotFound),
        (known_person(), ok(json!({"patient_id": APPROVAL})), Refusal::ApprovalNotFound),
        (
            known_person(),
            ok(json!({"status": "active"})),
            Refusal::ApprovalClosed { status: "active".into() },
        ),
        (known_person(), ok(json!({"authorize_with": "other"})), Refusal::MethodUnusable),
        (known_person(), ok(json!({"urgent": {"type": "OFFLINE"}})), Refusal::MethodNotOtp),
        (
            known_person(),
            ok(json!({"urgent": {"type": "OTP", "phone_number": null}})),
            Refusal::PhoneUnusable,
        ),
        (known_person(), ok(json!({"patient_id": null})), Refusal::UpstreamFailed),
        (known_person(), ok(json!({"reason": "x".repeat(262_144)})), Refusal::ApprovalTooLarge),
        (
            known_person(),
            ok(json!({"urgent": {"type": "OTP", "phone_number": "+48501234567"}})),
            Refusal::CountryNotAllowed,
        ),
    ] {
        let job = Job::new(person, approval, 200).await;
        assert_eq!((job.run().await, job.texts().len()), (refused(expected.clone()), 0), "{expected:?}");
    }
}

#[tokio::test]
async fn the_code_goes_to_the_number_that_the_approvals_mask_hides() {
    let masked = approval(&json!({"urgent": {"type": "OTP", "phone_number": "+38093*****85"}}));
    let job = Job::new(known_person(), (200, json!({"data": masked})), 200).await;
    let JobDisposition::End(Outcome::Sent(data)) = job.run().await else { panic!("not sent") };
    let order: Value = serde_json::from_slice(&job.gateway.seen()[0].body).unwrap();
    assert_eq!(order["to"], PHONE);
    assert!(data.contains(r#"{"number":"+38093*****85","type":"OTP"}"#), "{data}");
}

#[tokio::test]
async fn trouble_with_the_person_is_not_decided_by_a_missing_approval() {
    let job = Job::new((500, json!({})), (404, json!({})), 200).await;
    let JobDisposition::RetryLater { send, otherwise, .. } = job.run().await else { panic!("decided") };
    assert_eq!((send, otherwise, job.texts().len()), (None, Refusal::UpstreamFailed, 0));
}

#[tokio::test]
async fn a_message_the_gateway_refuses_ends_the_job() {
    let job = Job::ready(422).await;
    assert_eq!(job.run().await, refused(Refusal::UpstreamFailed));
    assert_eq!(job.texts().len(), 1);
}

/// Long enough ago that half of the deadline is past.
const LONG_AGO: u64 = 200_000;

#[tokio::test]
async fn a_second_try_repeats_the_code_and_there_is_no_third() {
    let mut job = Job::ready(500).await;
    let unknown = Refusal::DeliveryUnknown { silent: false };
    let state = RunState::default();
    let told = job.run_noting(&state).await;
    let JobDisposition::RetryLater { send, otherwise, .. } = told else { panic!("decided") };
    assert_eq!((send, otherwise), (None, unknown.clone()), "a hand-over counts as open until it is settled");
    assert_eq!(state.told().taken, None, "nobody took it");
    job.delivery = claimed_again(&job, 2).await;
    job.delivery.accepted_ms -= LONG_AGO;
    assert_eq!(job.run().await, refused(unknown));
    let texts = job.texts();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0], texts[1]);
    job.delivery = claimed_again(&job, 3).await;
    job.delivery.accepted_ms -= LONG_AGO;
    assert_eq!(job.run().await, refused(Refusal::DeliveryUnknown { silent: true }));
    assert_eq!(job.texts().len(), 2);
}

#[tokio::test]
async fn the_last_try_waits_without_asking_the_registry() {
    let mut job = Job::ready(500).await;
    job.run().await;
    job.delivery = claimed_again(&job, 2).await;
    let asked = job.registry.seen().len();
    let JobDisposition::RetryLater { otherwise, .. } = job.run().await else { panic!("decided") };
    assert_eq!(otherwise, Refusal::DeliveryUnknown { silent: false });
    assert_eq!((job.texts().len(), job.registry.seen().len()), (1, asked));
}

#[tokio::test]
async fn a_job_taken_over_from_a_worker_that_died_does_not_wait() {
    let mut job = Job::ready(500).await;
    job.run().await;
    job.delivery = claimed_again(&job, 2).await;
    job.context = Context::new(&job.config, job.redis.queue.clone()).unwrap();
    assert_eq!(job.run().await, refused(Refusal::DeliveryUnknown { silent: false }));
    assert_eq!(job.texts().len(), 2);
}

#[tokio::test]
async fn what_a_gateway_took_is_known_outside_of_the_run() {
    let (job, state) = (Job::ready(200).await, RunState::default());
    let ended = resend_approval(&job.delivery, &job.context, &state, Slot::none()).await;
    assert_eq!(state.decided(), Some(ended));
}

#[tokio::test]
async fn a_delivery_that_is_somebody_elses_sends_nothing() {
    let job = Job::ready(200).await;
    claimed_again(&job, 2).await;
    assert_eq!((job.run().await, job.texts().len()), (JobDisposition::Lost, 0));
}

#[tokio::test]
async fn nothing_is_sent_while_redis_does_not_record_it() {
    let mut job = Job::ready(200).await;
    job.redis.stop();
    let JobDisposition::RetryLater { send, otherwise, .. } = job.run().await else { panic!("decided") };
    // A permit may have been recorded and not confirmed: it is taken back, for nothing was handed over.
    assert!(send.is_some());
    assert_eq!((otherwise, job.texts().len()), (Refusal::UpstreamSilent, 0));
}

/// The same entry delivered once more, as after a lapsed lease.
async fn claimed_again(job: &Job, number: u64) -> Delivery {
    let delivery = job.delivery.clone();
    let stream = job.redis.queue.keys().stream();
    let mut claim = Cmd::new();
    claim.arg("XCLAIM").arg(stream).arg(GROUP).arg("worker-2").arg(0).arg(&delivery.entry);
    claim.arg("RETRYCOUNT").arg(number);
    job.redis.queue.redis().command::<redis::Value>(&claim).await.unwrap();
    Delivery { consumer: "worker-2".into(), number, ..delivery }
}
