//! Delivery receipts: kept in whatever order they come, listened to only with a signature, shown to operators and not to
//! clients. Those of SMPP are beside that channel.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::receipt::{MessageState, MessageStates};
use tests::client::{Answer, ApiClient};
use tests::eventually::eventually;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bench::{Bench, job};
use crate::ctl::program;

const SECRET: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER_SECRET: &str = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI=";
const SOON: Duration = Duration::from_secs(20);

/// The header over this body.
fn signature(secret: &str, time: i64, channel: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(secret).unwrap()).unwrap();
    mac.update(format!("{time}.{channel}.{body}").as_bytes());
    let signed = mac.finalize().into_bytes();
    let hex = signed.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    format!("t={time},v1={hex}")
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

async fn post(stack: &Stack, channel: &str, header: Option<String>, body: &str) -> Answer {
    let client = ApiClient::new(&stack.apis[0].url, "");
    let mut request = client.request(Method::POST, &format!("/receipts/{channel}")).body(body.to_owned());
    if let Some(header) = header {
        request = request.header("x-resend-signature", header);
    }
    Answer::of(request).await
}

/// Says it as a gateway that knows the secret.
async fn tell(stack: &Stack, body: &Value) -> Answer {
    let body = body.to_string();
    post(stack, "http", Some(signature(SECRET, now(), "http", &body)), &body).await
}

async fn listening() -> Stack {
    StackBuilder::new().set("RESEND_RECEIPT_SECRET", format!("{SECRET},{OTHER_SECRET}")).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_receipt_is_shown_with_its_job_and_never_moves_back() {
    let stack = listening().await;
    let plain = scenarios().swap_remove(0);
    let href = stack.client().resend(plain.patient_id, plain.approval_id).await.location();
    let job = href.rsplit('/').next().unwrap().to_owned();
    let before = stack.client().end_of(&href, SOON).await;
    let show = async || program::json(&stack, &["jobs", "show", &job]).await;
    let shown = eventually("the message is noted", SOON, || async {
        let shown = show().await;
        (!shown["message"].is_null()).then_some(shown)
    })
    .await;
    let id = stack.ledger()[0]["message_id"].clone();
    assert_eq!(shown["message"], json!({"channel": "http", "message_id": id, "state": null, "since": null}));

    for (state, expected) in [
        ("enroute", "enroute"),
        ("delivered", "delivered"),
        ("enroute", "delivered"),
        ("expired", "delivered"),
    ] {
        let answer = tell(&stack, &json!({"message_id": id, "state": state})).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
        assert_eq!(show().await["message"]["state"], expected);
    }
    let words = program::ctl(&stack, &["jobs", "show", &job], 0).await;
    assert!(
        words.contains(&format!("message    http {}: delivered since ", id.as_str().unwrap())),
        "{words}"
    );
    let after = stack.client().end_of(&href, SOON).await;
    assert_eq!(before.body["data"], after.body["data"], "clients are not told");
    let metrics = reqwest::get(format!("{}/metrics", stack.apis[0].url)).await.unwrap().text().await.unwrap();
    let counted = "resend_sms_receipts_total{channel=\"http\",state=\"enroute\"} 2";
    assert!(metrics.contains(counted), "{metrics}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_secret_is_listened_to() {
    let stack = listening().await;
    let body = json!({"message_id": "m-1", "state": "delivered"}).to_string();
    let sign = |secret, time, channel| Some(signature(secret, time, channel, &body));
    let forbidden = |answer: Answer, why: &str| {
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{why}");
        assert_eq!(
            answer.body["error"],
            json!({"type": "forbidden", "message": "Invalid signature"}),
            "{why}"
        );
    };
    let strangers = STANDARD.encode([7; 32]);
    for (header, why) in [
        (None, "none"),
        (sign(&strangers, now(), "http"), "another secret"),
        (sign(SECRET, now() - 310, "http"), "old"),
        (sign(SECRET, now() + 310, "http"), "of the future"),
        (sign(SECRET, now(), "turbosms"), "for another channel"),
        (Some("t=1,v1=zz".to_owned()), "nonsense"),
    ] {
        forbidden(post(&stack, "http", header, &body).await, why);
    }
    let changed = body.replace("m-1", "m-2");
    forbidden(post(&stack, "http", sign(SECRET, now(), "http"), &changed).await, "of another body");
    let older = post(&stack, "http", sign(OTHER_SECRET, now(), "http"), &body).await;
    assert_eq!(older.status, StatusCode::NO_CONTENT, "the older secret, while rotating");
    let unknown = post(&stack, "pigeon", sign(SECRET, now(), "pigeon"), &body).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let kept: Vec<String> = stack.redis.command(&["KEYS", "resend:{message:*"]).await;
    assert_eq!(kept, ["resend:{message:http:m-1}:state"], "only what was signed");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_and_is_no_receipt_is_told_what_is_wrong() {
    let stack = listening().await;
    let answer = tell(&stack, &json!({"message_id": "", "state": "DELIVRD"})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let places: Vec<_> =
        answer.body["error"]["invalid"].as_array().unwrap().iter().map(|one| one["entry"].clone()).collect();
    assert_eq!(places, ["$.message_id", "$.state"]);
    let broken = post(&stack, "http", Some(signature(SECRET, now(), "http", "{")), "{").await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_receipts_and_does_not_end_them_keeps_nobody_else_from_work() {
    let stack = listening().await;
    let address = stack.apis[0].url.trim_start_matches("http://").to_owned();
    let head = format!("POST /receipts/http HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100\r\n\r\n{{");
    let mut begun = Vec::new();
    for _ in 0..64 {
        let mut socket = TcpStream::connect(&address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        begun.push(socket);
    }
    let receipt = json!({"message_id": "msg-1", "state": "delivered"});
    let turned_away = eventually("all places are taken", SOON, async || {
        let answer = tell(&stack, &receipt).await;
        (answer.status == StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
    })
    .await;
    assert!(turned_away.header("retry-after").is_some());
    let plain = scenarios().swap_remove(0);
    let accepted = stack.client().resend(plain.patient_id, plain.approval_id).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    drop(begun);
    eventually("the places are free again", SOON, async || {
        (tell(&stack, &receipt).await.status == StatusCode::NO_CONTENT).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_there_is_no_such_route() {
    let stack = StackBuilder::new().workers(0).start().await;
    let answer = tell(&stack, &json!({"message_id": "m-1", "state": "delivered"})).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["message"]),
        (StatusCode::NOT_FOUND, &json!("Not found"))
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_cannot_be_kept_is_asked_for_again() {
    let mut stack = listening().await;
    stack.redis.kill().await;
    let answer = tell(&stack, &json!({"message_id": "m-1", "state": "delivered"})).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn whatever_order_receipts_come_in_the_strongest_stays_and_the_job_finds_it() {
    let bench = Bench::new().await;
    let states = MessageStates::new(bench.queue.clone());
    for (number, first) in MessageState::ALL.into_iter().enumerate() {
        for (also, second) in MessageState::ALL.into_iter().enumerate() {
            let id = format!("m-{number}-{also}");
            assert!(states.advance("http", &id, first).await.unwrap());
            assert_eq!(states.advance("http", &id, second).await.unwrap(), second > first);
            let kept: String = bench
                .server
                .command(&["HGET", &format!("resend:{{message:http:{id}}}:state"), "state"])
                .await;
            assert_eq!(kept, first.max(second).as_str());
        }
    }
    // The receipt came before the note, and spells the number otherwise.
    let ticket = bench.accept(&job()).await;
    assert!(states.advance("smpp", "31", MessageState::Delivered).await.unwrap());
    assert_eq!(states.of_job(&ticket.job).await.unwrap(), None);
    states.note(&ticket.job, "smpp", "0000001F").await.unwrap();
    let sent = states.of_job(&ticket.job).await.unwrap().unwrap();
    assert_eq!((sent.channel.as_str(), sent.message_id.as_str()), ("smpp", "0000001F"));
    assert_eq!(sent.state.unwrap().0, MessageState::Delivered);
    let left: i64 = bench.server.command(&["PTTL", "resend:{message:smpp:31}:state"]).await;
    assert!(left > 0, "it ends by itself");
    // A job that is gone is not made again.
    let gone = shared::domain::ids::JobId::generate();
    states.note(&gone, "http", "m").await.unwrap();
    assert_eq!(states.of_job(&gone).await.unwrap(), None);
}
