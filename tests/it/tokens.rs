//! Authentication in each of the four modes: how the API treats every kind of wrong token, how often it asks about
//! tokens, and what it does when the provider does not answer.

mod issuer;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::eventually::eventually;
use tests::keys::keys;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

use crate::ctl::program as ctl;
use issuer::{AUDIENCE, ISSUER, Issuer};

const SOON: Duration = Duration::from_secs(15);

/// An API without workers in this mode: only its own answers matter here.
async fn started(mode: &str, url: &str) -> Stack {
    let mut stack = StackBuilder::new().apis(0).workers(0).start().await;
    let url = format!("{}{url}", stack.sandbox.url);
    stack
        .add_api(&[
            ("RESEND_AUTH_MODE", mode),
            ("RESEND_AUTH_URL", &url),
            ("RESEND_AUTH_ISSUER", ISSUER),
            ("RESEND_AUTH_AUDIENCE", AUDIENCE),
        ])
        .await;
    stack
}

async fn resend(stack: &Stack, token: &str) -> Answer {
    let plain = scenarios().swap_remove(0);
    ApiClient::new(&stack.apis[0].url, token).resend(plain.patient_id, plain.approval_id).await
}

async fn calls(stack: &Stack, target: &str) -> u64 {
    let sandbox = ApiClient::new(&stack.sandbox.url, "");
    sandbox.get("/sandbox/calls").await.body[target]["total"].as_u64().unwrap()
}

async fn accepted_jobs(stack: &Stack) -> u64 {
    stack.redis.command(&["HLEN", &keys().live()]).await
}

async fn publish(stack: &Stack, keys: &Value) {
    let put = ApiClient::new(&stack.sandbox.url, "").request(Method::PUT, "/sandbox/jwks").json(keys);
    assert!(put.send().await.unwrap().status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_first_uses_of_a_token_ask_once() {
    let stack = StackBuilder::new().workers(0).start().await;
    let client = stack.client();
    let reads = (0..500).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/Jobs/NBXk9EyErUZv1RhXgyvgg").await.status })
    });
    for read in reads.collect::<Vec<_>>() {
        assert_eq!(read.await.unwrap(), StatusCode::NOT_FOUND);
    }
    assert_eq!(calls(&stack, "introspection").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_once_trust_in_the_last_check_ends() {
    let stack = StackBuilder::new().workers(0).set("RESEND_AUTH_CACHE_SECONDS", 1).start().await;
    assert_eq!(resend(&stack, "mis-a-token").await.status, StatusCode::ACCEPTED);
    let revoke =
        ApiClient::new(&stack.sandbox.url, "").request(Method::DELETE, "/sandbox/tokens/mis-a-token");
    assert!(revoke.send().await.unwrap().status().is_success());
    tests::eventually::eventually("it is refused", Duration::from_secs(2), || async {
        (resend(&stack, "mis-a-token").await.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_vouches_the_answer_is_503_and_no_job_is_made() {
    for (mode, url, target) in [
        ("introspection", "/oauth/introspect", "introspection"),
        ("mithril", "/mithril/admin/tokens/{access_token}/verify", "mithril"),
        ("jwt", "/oauth/jwks", "jwks"),
    ] {
        let stack = started(mode, url).await;
        let token = Issuer::new("1").token(&json!({}));
        for action in [
            json!({"status": 500}),
            json!({"cut": true}),
            json!({"html": true}),
            json!({"redirect": "http://127.0.0.1:1/"}),
            json!({"huge_body": 1_000_000}),
            json!({"hang": true}),
        ] {
            stack.set_faults(json!([{"target": target, "action": action}])).await;
            let answer = resend(&stack, &token).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{mode}, {action}: {}", answer.body);
            assert!(answer.header("retry-after").is_some());
        }
        assert_eq!(accepted_jobs(&stack).await, 0);
        let log = stack.apis[0].process.log();
        assert!(!log.contains(&token), "{mode}: the token is in the log:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_token_lets_its_client_in_and_no_other_does() {
    let stack = started("jwt", "/oauth/jwks").await;
    let (issuer, stranger) = (Issuer::new("1"), Issuer::new("1"));
    publish(&stack, &issuer.keys()).await;
    let refused = [
        stranger.token(&json!({})),
        Issuer::new("2").token(&json!({})),
        issuer.token(&json!({"exp": 1})),
        issuer.token(&json!({"nbf": 4_102_444_800_u64})),
        issuer.token(&json!({"iss": "https://elsewhere.example"})),
        issuer.token(&json!({"aud": "another-service"})),
        issuer.token(&json!({"client_id": null})),
        issuer.token(&json!({"jti": null})),
        issuer.token_with(&json!({"typ": "JWT"}), &json!({})),
        issuer.token(&json!({"iat": null})),
        issuer.token(&json!({"sub": null})),
        issuer.token_with(&json!({"alg": "none"}), &json!({})),
        issuer.token_with(&json!({"crit": null}), &json!({})),
        issuer.token_with(&json!({"crit": ["b64"], "b64": true}), &json!({})),
        issuer.token_with(&json!({"alg": "HS256"}), &json!({})),
        issuer.token_with(&json!({"alg": "RS256"}), &json!({})),
        issuer.unsigned(&json!({})),
        "mis-a-token".to_owned(),
    ];
    for token in &refused {
        let answer = resend(&stack, token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"eHealth\", error=\"invalid_token\"")
        );
    }
    let without_scope = resend(&stack, &issuer.token(&json!({"scope": "job:read"}))).await;
    assert_eq!(without_scope.status, StatusCode::FORBIDDEN);
    assert_eq!(accepted_jobs(&stack).await, 0);

    let token = issuer.token(&json!({}));
    let accepted = resend(&stack, &token).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    let read =
        async |token: &str| ApiClient::new(&stack.apis[0].url, token).get(&accepted.location()).await.status;
    assert_eq!(read(&token).await, StatusCode::OK);
    assert_eq!(read(&issuer.token(&json!({"client_id": "mis-b"}))).await, StatusCode::NOT_FOUND);
    assert!(calls(&stack, "jwks").await <= 2, "however many unknown keys are named");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_that_fits_is_tried_and_a_key_without_a_name_serves_tokens_without_one() {
    let stack = started("jwt", "/oauth/jwks").await;
    let (old, new, nameless, withheld) =
        (Issuer::new("1"), Issuer::new("1"), Issuer::new(None), Issuer::new("2"));
    let mut keys = json!({"keys": [withheld.key(), old.key(), new.key(), nameless.key()]});
    keys["keys"][0]["key_ops"] = json!(["sign"]);
    publish(&stack, &keys).await;
    for issuer in [&old, &new, &nameless] {
        let answer = resend(&stack, &issuer.token(&json!({}))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    }
    let refused = [
        withheld.token(&json!({})),
        nameless.token_with(&json!({"kid": "1"}), &json!({})),
        new.token_with(&json!({"kid": null}), &json!({})),
    ];
    for token in refused {
        assert_eq!(resend(&stack, &token).await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_ends_with_its_token() {
    let stack = started("jwt", "/oauth/jwks").await;
    let issuer = Issuer::new("1");
    publish(&stack, &issuer.keys()).await;
    let token = issuer.token(&json!({"exp": shared::domain::clock::now_ms() / 1_000 + 3}));
    let job = resend(&stack, &token).await.location();
    let polled = ApiClient::new(&stack.apis[0].url, &token).request(Method::GET, &job);
    let start = Instant::now();
    let answer = Answer::of(polled.header("prefer", "wait=30")).await;
    assert_eq!((answer.status, &answer.body["data"]["status"]), (StatusCode::OK, &json!("pending")));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_unknown_tokens_is_asked_about_32_at_a_time_and_the_rest_is_503_at_once() {
    let stack = StackBuilder::new().workers(0).start().await;
    assert_eq!(resend(&stack, "mis-a-token").await.status, StatusCode::ACCEPTED);
    stack.set_faults(json!([{"target": "introspection", "action": {"delay_ms": 1_500}}])).await;
    let client = stack.client();
    let path = "/Jobs/NBXk9EyErUZv1RhXgyvgg";
    let unknown = (0..200).map(|number| {
        let client = client.with_token(&format!("unknown-{number}"));
        tokio::spawn(async move {
            let start = Instant::now();
            (client.get(path).await.status, start.elapsed())
        })
    });
    let (mut asked, mut refused) = (0, 0);
    for answer in unknown.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            (StatusCode::UNAUTHORIZED, _) => asked += 1,
            (StatusCode::SERVICE_UNAVAILABLE, after) => {
                refused += 1;
                assert!(after < Duration::from_millis(1_400), "{after:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((asked, refused), (32, 168));
    let calls: Value = ApiClient::new(&stack.sandbox.url, "").get("/sandbox/calls").await.body;
    assert!(calls["introspection"]["peak"].as_u64().unwrap() <= 32, "{calls}");
    let known = client.get(path).await;
    assert_eq!(known.status, StatusCode::NOT_FOUND, "a token that is known asks nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandboxs_odd_tokens_are_read_as_they_are_meant() {
    let stack = StackBuilder::new().workers(0).start().await;
    for (token, expected) in [
        ("odd-token", StatusCode::ACCEPTED),
        ("unreadable-token", StatusCode::UNAUTHORIZED),
        ("refresh-token", StatusCode::UNAUTHORIZED),
        ("expired-token", StatusCode::UNAUTHORIZED),
        ("nobody", StatusCode::UNAUTHORIZED),
    ] {
        let answer = resend(&stack, token).await;
        assert_eq!(answer.status, expected, "{token}: {}", answer.body);
    }
    let tokens = eventually("all five are reported", SOON, || async {
        reported(&stack).await.filter(|tokens| tokens["quarter"]["calls"] == 5)
    })
    .await;
    assert_eq!(tokens["quarter"]["failures"], 0, "one token is not an outage: {tokens}");
}

/// The operators' view of the token provider.
async fn reported(stack: &Stack) -> Option<Value> {
    let stats = ctl::json(stack, &["stats"]).await;
    let upstreams = stats["upstreams"].as_array().cloned().unwrap_or_default();
    upstreams.into_iter().find(|upstream| upstream["name"] == "tokens introspection")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_server_that_refuses_us_is_named_to_operators() {
    let mut stack = StackBuilder::new().set("RESEND_AUTH_CACHE_SECONDS", 0).start().await;
    stack.set_faults(json!([{"target": "introspection", "action": {"status": 401}}])).await;
    let refused = resend(&stack, "mis-a-token").await;
    assert_eq!(refused.body["error"]["reason"], "auth_unavailable", "{}", refused.body);

    let line = stack.apis[0].process.logged("upstream is down").await;
    assert_eq!((&line["upstream"], &line["cause"]), (&json!("tokens introspection"), &json!("status 401")));
    assert_eq!(line["look_at"], "RESEND_AUTH_CLIENT_SECRET");
    let alarm = "TOKENS INTROSPECTION IS DOWN: answers 401 since ";
    eventually("stats and doctor name it", SOON, || async {
        ctl::ctl(&stack, &["stats"], 0).await.contains(alarm).then_some(())
    })
    .await;
    let doctor = ctl::ctl(&stack, &["doctor"], 1).await;
    assert!(doctor.contains(alarm) && doctor.contains("RESEND_AUTH_CLIENT_SECRET"), "{doctor}");

    stack.set_faults(json!([])).await;
    assert_eq!(resend(&stack, "mis-a-token").await.status, StatusCode::ACCEPTED);
    stack.apis[0].process.logged("upstream is back").await;
    eventually("stats tell that it works", SOON, || async {
        reported(&stack).await.filter(|tokens| tokens["is_down"] == false)
    })
    .await;
    stack.queue_is_empty().await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_holds_issuer_and_audience_where_they_are_set() {
    let stack = started("introspection", "/oauth/introspect").await;
    for (token, iss, expected) in
        [("ours", ISSUER, StatusCode::ACCEPTED), ("theirs", "https://elsewhere", StatusCode::UNAUTHORIZED)]
    {
        let answer = json!({
            "active": true, "client_id": "mis-a", "scope": ["approval:create"], "iss": iss, "aud": [AUDIENCE],
        });
        let path = format!("/sandbox/tokens/{token}");
        let put = ApiClient::new(&stack.sandbox.url, "").request(Method::PUT, &path).json(&answer);
        assert!(put.send().await.unwrap().status().is_success());
        assert_eq!(resend(&stack, token).await.status, expected, "{token}");
    }
    assert_eq!(resend(&stack, "mis-a-token").await.status, StatusCode::UNAUTHORIZED, "it names neither");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorization_server_is_asked_as_rfc_6749_and_7662_have_it() {
    let asked = Arc::new(Mutex::new(None));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    let keep = asked.clone();
    let introspect = async move |headers: axum::http::HeaderMap, body: String| {
        *keep.lock().unwrap() = Some((headers, body));
        r#"{"active":false}"#
    };
    let server = axum::Router::new().route("/introspect", axum::routing::post(introspect));
    tokio::spawn(async { axum::serve(listener, server).await });

    let mut stack = StackBuilder::new().apis(0).workers(0).start().await;
    let (user, password) = ("resend:api", "p+ss w%rd");
    stack
        .add_api(&[
            ("RESEND_AUTH_URL", &url),
            ("RESEND_AUTH_CLIENT_ID", user),
            ("RESEND_AUTH_CLIENT_SECRET", password),
        ])
        .await;
    assert_eq!(resend(&stack, "a+b").await.status, StatusCode::UNAUTHORIZED);
    let (headers, body) = asked.lock().unwrap().take().unwrap();
    let encoded = BASE64_STANDARD.encode("resend%3Aapi:p%2Bss%20w%25rd");
    assert_eq!(headers["authorization"], format!("Basic {encoded}"));
    assert_eq!(body, "token=a%2Bb&token_type_hint=access_token");
    assert!(headers.contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mithril_tells_of_tokens_and_their_clients() {
    let stack = started("mithril", "/mithril/admin/tokens/{access_token}/verify").await;
    let accepted = resend(&stack, "mis-a-token").await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    assert_eq!(resend(&stack, "no-scope-token").await.status, StatusCode::FORBIDDEN);
    let refused =
        ["expired-token", "refresh-token", "unreadable-token", "nobody", ".", "..", "a/../mis-a-token"];
    for token in refused {
        let answer = resend(&stack, token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
        assert_eq!(answer.body["error"]["message"], "Invalid access token", "{token}");
    }
    let other = ApiClient::new(&stack.apis[0].url, "mis-b-token").get(&accepted.location()).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brokers_client_needs_its_key_and_only_what_both_allow_is_allowed() {
    let stack = started("mithril", "/mithril/admin/tokens/{access_token}/verify").await;
    let plain = scenarios().swap_remove(0);
    let path = tests::client::resend_path(plain.patient_id, plain.approval_id);
    let with_key = async |key: Option<&str>| {
        let mut request = ApiClient::new(&stack.apis[0].url, "broker-token").request(Method::PATCH, &path);
        if let Some(key) = key {
            request = request.header("api-key", key);
        }
        Answer::of(request).await
    };
    for (key, reason, message) in [
        (None, "api_key_missing", "Api key is not set"),
        (Some("wrong"), "api_key_invalid", "Invalid api key"),
    ] {
        let answer = with_key(key).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["message"]),
            (StatusCode::UNAUTHORIZED, &json!(message))
        );
        let error = &answer.body["error"];
        assert_eq!((&error["type"], &error["reason"]), (&json!("access_denied"), &json!(reason)));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"eHealth\""));
    }
    assert_eq!(with_key(Some("broker-read-key")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(accepted_jobs(&stack).await, 0);
    assert_eq!(with_key(Some("broker-key")).await.status, StatusCode::ACCEPTED);
    assert_eq!(with_key(None).await.status, StatusCode::UNAUTHORIZED, "the key is part of what is cached");
    let log = stack.apis[0].process.log();
    assert!(!log.contains("broker-key"), "the key is in the log:\n{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_headers_are_believed_in_its_own_mode_alone() {
    let mut stack = started("gateway", "").await;
    stack.add_api(&[]).await;
    let accepted = through_gateway(&stack, 0, "approval:create job:read", &metadata("mis-a"));
    assert_eq!(
        Answer::of(through_gateway(&stack, 1, "approval:create", &metadata("mis-a"))).await.status,
        401
    );
    assert_eq!(resend(&stack, "mis-a-token").await.status, 401, "a token is none here");
    let twice =
        through_gateway(&stack, 0, "approval:create", &metadata("mis-a")).header("x-consumer-id", "another");
    assert_eq!(Answer::of(twice).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(accepted_jobs(&stack).await, 0);
    assert_eq!(Answer::of(accepted).await.status, StatusCode::ACCEPTED);
    assert_eq!(calls(&stack, "introspection").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_headers_are_believed_from_trusted_proxies_only() {
    let mut stack = StackBuilder::new().apis(0).workers(0).start().await;
    for proxies in ["192.0.2.0/24", "127.0.0.0/8"] {
        stack.add_api(&[("RESEND_AUTH_MODE", "gateway"), ("RESEND_API_TRUSTED_PROXIES", proxies)]).await;
    }
    let scope = "approval:create job:read";
    let answer = async |api| Answer::of(through_gateway(&stack, api, scope, &metadata("mis-a"))).await.status;
    assert_eq!((answer(0).await, accepted_jobs(&stack).await), (StatusCode::UNAUTHORIZED, 0));
    assert_eq!(answer(1).await, StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_the_clients_own_is_no_owner() {
    let stack = started("gateway", "").await;
    let scope = "approval:create job:read";
    let accepted = Answer::of(through_gateway(&stack, 0, scope, &metadata("mis-a"))).await;
    let read = async |metadata: &str| {
        let request = through_gateway(&stack, 0, scope, metadata);
        let (client, request) = request.build_split();
        let mut request = request.unwrap();
        *request.method_mut() = Method::GET;
        request.url_mut().set_path(&accepted.location());
        client.execute(request).await.unwrap().status()
    };
    assert_eq!(read(&metadata("mis-a")).await, StatusCode::OK);
    for own in [r#"{"client_id":"mis-a"}"#, r#"{"client_id":"mis-a","scope":"job:read"}"#, &metadata("mis-b")]
    {
        assert_eq!(read(own).await, StatusCode::NOT_FOUND, "{own}");
    }
}

fn metadata(client: &str) -> String {
    json!({"client_id": client, "scope": "approval:create job:read", "grant_type": "password"}).to_string()
}

/// A resend as the gateway passes it on.
fn through_gateway(stack: &Stack, api: usize, scope: &str, metadata: &str) -> reqwest::RequestBuilder {
    let plain = scenarios().swap_remove(0);
    let path = tests::client::resend_path(plain.patient_id, plain.approval_id);
    ApiClient::new(&stack.apis[api].url, "")
        .request(Method::PATCH, &path)
        .header("x-consumer-id", "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a01")
        .header("x-consumer-scope", scope)
        .header("x-consumer-metadata", metadata)
}
