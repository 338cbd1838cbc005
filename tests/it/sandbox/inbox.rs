//! Reading, waiting for and watching what was sent.

use reqwest::Method;
use serde_json::json;

use super::TestSandbox;

#[tokio::test]
async fn messages_are_found_by_phone_and_reference_in_order_of_arrival() {
    let fixture = TestSandbox::new().await;
    for (to, reference) in [("+380200000001", "a"), ("+380200000002", "b"), ("+380200000001", "c")] {
        fixture.sms(to, reference).send().await.unwrap();
    }
    let references = async |path: &str| {
        let list = fixture.read(path).await;
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one["reference"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(references("/inbox.json?to=+380200000001").await, ["a", "c"]);
    assert_eq!(references("/inbox.json?to=%2B380200000001&limit=1").await, ["c"]);
    assert_eq!(references("/inbox.json?reference=b").await, ["b"]);

    assert_eq!(fixture.request(Method::DELETE, "/inbox").send().await.unwrap().status(), 204);
    assert_eq!(fixture.read("/inbox.json").await, json!([]));
}

#[tokio::test]
async fn a_long_poll_answers_when_enough_messages_are_there() {
    let fixture = TestSandbox::new().await;
    let (found, ()) = tokio::join!(fixture.read("/inbox.json?reference=a&count=2&wait_ms=9000"), async {
        for reference in ["a", "b", "a"] {
            fixture.sms("+380200000001", reference).send().await.unwrap();
        }
    });
    assert_eq!(found.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_long_poll_that_runs_out_answers_with_what_there_is() {
    let fixture = TestSandbox::new().await;
    fixture.sms("+380200000001", "a").send().await.unwrap();
    assert_eq!(fixture.read("/inbox.json?count=2&wait_ms=50").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_event_stream_gives_what_was_and_what_comes() {
    let fixture = TestSandbox::new().await;
    fixture.sms("+380200000001", "before").send().await.unwrap();
    let mut events = fixture.get("/inbox/events").send().await.unwrap();
    let mut seen = String::new();
    let mut until = async |word: &str| {
        while !seen.contains(word) {
            seen.push_str(&String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap()));
        }
    };
    until("before").await;
    fixture.sms("+380200000001", "after").send().await.unwrap();
    until("after").await;
}

#[tokio::test]
async fn the_pages_are_there_and_name_the_address_they_were_asked_under() {
    let fixture = TestSandbox::new().await;
    let start = fixture.get("/").send().await.unwrap().text().await.unwrap();
    assert!(start.contains(&format!("RESEND_SMS_URL={}/sms/messages", fixture.sandbox.url)));
    let inbox = fixture.get("/inbox").send().await.unwrap().text().await.unwrap();
    assert!(inbox.contains("/inbox/events"));
}
