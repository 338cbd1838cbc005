//! Introspection.

use reqwest::Method;
use serde_json::{Value, json};

use super::{TestSandbox, json_of};

async fn introspected(fixture: &TestSandbox, token: &str) -> Value {
    let asked =
        fixture.request(Method::POST, "/oauth/introspect").basic_auth("resend-api", Some("sandbox-secret"));
    json_of(asked.form(&[("token", token)]).send().await.unwrap()).await
}

#[tokio::test]
async fn only_the_service_may_introspect() {
    let fixture = TestSandbox::new().await;
    let asked = fixture.request(Method::POST, "/oauth/introspect").form(&[("token", "mis-a-token")]);
    let wrong = asked.try_clone().unwrap().basic_auth("resend-api", Some("wrong"));
    assert_eq!(asked.send().await.unwrap().status(), 401);
    assert_eq!(wrong.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_token_can_be_added_and_revoked_and_its_introspections_are_counted() {
    let fixture = TestSandbox::new().await;
    let answer = json!({"active": true, "scope": "job:read", "client_id": "test", "extra": [1]});
    let put = fixture.request(Method::PUT, "/sandbox/tokens/test-token").json(&answer).send().await.unwrap();
    assert_eq!(put.status(), 204);
    assert_eq!(introspected(&fixture, "test-token").await, answer);

    fixture.request(Method::DELETE, "/sandbox/tokens/test-token").send().await.unwrap();
    assert_eq!(introspected(&fixture, "test-token").await, json!({"active": false}));

    let calls = fixture.read("/sandbox/calls").await;
    let expected = json!({"total": 2, "in_flight": 0, "peak": 1, "tokens": {"test-token": 2}});
    assert_eq!(calls["introspection"], expected);
}

#[tokio::test]
async fn the_token_service_wants_the_key_of_a_brokers_client_and_adds_its_scope() {
    let fixture = TestSandbox::new().await;
    let verified = async |token: &str, key: Option<&str>| {
        let path = format!("/mithril/admin/tokens/{token}/verify");
        let mut asked = fixture.request(Method::GET, &path);
        if let Some(key) = key {
            asked = asked.header("api-key", key);
        }
        let answer = asked.send().await.unwrap();
        (answer.status().as_u16(), json_of(answer).await)
    };
    let (status, missing) = verified("broker-token", None).await;
    assert_eq!((status, &missing["error"]["message"]), (422, &json!("API-KEY header required.")));
    let (status, wrong) = verified("broker-token", Some("wrong")).await;
    assert_eq!((status, &wrong["error"]["message"]), (422, &json!("API-KEY header is invalid.")));
    let (status, right) = verified("broker-token", Some("broker-read-key")).await;
    assert_eq!((status, &right["data"]["details"]["broker_scope"]), (200, &json!("job:read")));
    let (_, plain) = verified("mis-a-token", None).await;
    assert_eq!(plain["data"]["details"].get("broker_scope"), None);
    let (status, refresh) = verified("refresh-token", None).await;
    assert_eq!((status, &refresh["data"]["name"]), (200, &json!("refresh_token")));
    assert_eq!((verified("nobody", None).await.0, verified("expired-token", None).await.0), (404, 401));
}
