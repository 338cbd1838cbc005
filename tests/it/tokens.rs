//! Who is let in, in each of the four modes: what the API makes of tokens that are wrong in every way there is, how
//! often it asks about them, and what it does when nobody answers.

mod issuer;

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient};
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

use issuer::{AUDIENCE, ISSUER, Issuer};

/// An API without workers in this mode: nothing but its own answers matters here.
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
    stack.redis.command(&["HLEN", "{resend}:live"]).await
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
async fn mithril_vouches_for_tokens_and_their_clients() {
    let stack = started("mithril", "/mithril/admin/tokens/{access_token}/verify").await;
    let accepted = resend(&stack, "mis-a-token").await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    assert_eq!(resend(&stack, "no-scope-token").await.status, StatusCode::FORBIDDEN);
    for token in ["expired-token", "nobody", ".", "..", "a/../mis-a-token"] {
        assert_eq!(resend(&stack, token).await.status, StatusCode::UNAUTHORIZED, "{token}");
    }
    let other = ApiClient::new(&stack.apis[0].url, "mis-b-token").get(&accepted.location()).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_headers_are_believed_in_its_own_mode_alone() {
    let mut stack = started("gateway", "").await;
    stack.add_api(&[]).await;
    let plain = scenarios().swap_remove(0);
    let path = tests::client::resend_path(plain.patient_id, plain.approval_id);
    let through = |api: usize| {
        let request = ApiClient::new(&stack.apis[api].url, "").request(Method::PATCH, &path);
        request
            .header("x-consumer-id", "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a01")
            .header("x-consumer-scope", "approval:create job:read")
            .header("x-consumer-metadata", r#"{"client_id":"mis-a"}"#)
    };
    assert_eq!(Answer::of(through(1)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(resend(&stack, "mis-a-token").await.status, StatusCode::UNAUTHORIZED, "a token is none here");
    assert_eq!(
        Answer::of(through(0).header("x-consumer-id", "another")).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(accepted_jobs(&stack).await, 0);
    assert_eq!(Answer::of(through(0)).await.status, StatusCode::ACCEPTED);
    assert_eq!(calls(&stack, "introspection").await, 0);
}
