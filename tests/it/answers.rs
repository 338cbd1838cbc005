//! The complete answers of the API: a row per answer of the contract that needs a running service.

mod reads;
pub(crate) mod table;

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, ApiClient, resend_path};
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

fn plain() -> (Uuid, Uuid) {
    let scenario = scenarios().swap_remove(0);
    (scenario.patient_id, scenario.approval_id)
}

fn meta(code: u16, url: &str, answer: &Answer) -> Value {
    json!({"code": code, "url": url, "type": "object", "request_id": answer.header("x-request-id").unwrap()})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_request_is_answered_202_with_a_link_that_can_be_read_at_once() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let answer = stack.client().resend(patient, approval).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let href = answer.location();
    let url = format!("{}{}", stack.apis[0].url, resend_path(patient, approval));
    let eta = &answer.body["data"]["eta"];
    let links = json!([{"entity": "job", "href": href}]);
    let expected =
        json!({"data": {"status": "pending", "eta": eta, "links": links}, "meta": meta(202, &url, &answer)});
    assert_eq!(answer.body, expected);
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);

    for path in [href.clone(), href.replace("/Jobs/", "/jobs/"), href.replace("/Jobs/", "/api/jobs/")] {
        let job = stack.client().get(&path).await;
        assert_eq!(job.status, StatusCode::OK);
        assert!(job.header("retry-after").is_some() && job.header("cache-control") == Some("no-store"));
        assert_eq!(job.body["data"], json!({"status": "pending", "eta": eta, "links": links}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gives_the_live_job_to_its_client_and_429_to_others() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let first = stack.client().resend(patient, approval).await;
    let again = stack.client().resend(patient, approval).await;
    assert_eq!((again.status, again.location()), (StatusCode::ACCEPTED, first.location()));
    assert_eq!(again.body["data"], first.body["data"]);

    let other = stack.client().with_token("mis-b-token").resend(patient, approval).await;
    assert_eq!(other.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(other.body["error"]["type"], "too_many_requests");
    let message = other.body["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Sending SMS timeout. Try later. Next attempt will be available at 20"),
        "{message}"
    );
    assert!(other.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cool_down_answers_429_after_a_message_was_sent() {
    let stack = Stack::start().await;
    let (patient, approval) = plain();
    stack.client().resend_to_end(patient, approval).await;
    let soon = stack.client().resend(patient, approval).await;
    assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = soon.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    stack.stop().await;
}

/// RFC 8631: the answer leads to the job.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_to_a_patch_that_has_a_job_names_it() {
    let stack = Stack::start().await;
    let (patient, approval) = plain();
    let waiting = |client: &ApiClient, (patient, approval)| {
        let request = client.request(Method::PATCH, &resend_path(patient, approval));
        Answer::of(request.header("prefer", "wait=2"))
    };
    let sent = waiting(&stack.client(), (patient, approval)).await;
    let link = sent.header("link").unwrap().to_owned();
    assert_eq!(
        (sent.status, &link),
        (StatusCode::CREATED, &format!("<{}>; rel=\"status\"", sent.location()))
    );

    let own = stack.client().resend(patient, approval).await;
    assert_eq!((own.status, own.header("link")), (StatusCode::TOO_MANY_REQUESTS, Some(link.as_str())));
    assert_eq!((&own.body["error"]["reason"], own.header("location")), (&json!("cooldown"), None));
    let foreign = stack.client().with_token("mis-b-token").resend(patient, approval).await;
    assert_eq!((foreign.status, foreign.header("link")), (StatusCode::TOO_MANY_REQUESTS, None));

    let nobody = scenarios().into_iter().find(|case| case.name == "person-missing").unwrap();
    let refused = waiting(&stack.client(), (nobody.patient_id, nobody.approval_id)).await;
    assert_eq!((refused.status, refused.header("location")), (StatusCode::NOT_FOUND, None));
    let href = refused.header("link").unwrap().trim_start_matches('<').split('>').next().unwrap().to_owned();
    let job = stack.client().get(&href).await;
    assert_eq!(job.body["data"]["error"]["reason"], "person_not_found");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_then_scope_then_ids_are_checked_in_this_order() {
    let stack = StackBuilder::new().workers(0).start().await;
    let client = stack.client();
    let bad_ids = "/api/patients/x/approvals/y/actions/resend";
    let (patient, approval) = plain();
    let good_ids = resend_path(patient, approval);

    for (token, path) in [("nobody", bad_ids), ("expired-token", good_ids.as_str())] {
        let answer = Answer::of(client.with_token(token).request(Method::PATCH, path)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.body["error"],
            json!({"type": "access_denied", "reason": "token_invalid", "message": "Invalid access token"})
        );
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "));
    }

    let answer = Answer::of(client.with_token("no-scope-token").request(Method::PATCH, bad_ids)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let message = "Your scope does not allow to access this resource. Missing allowances: approval:create";
    assert_eq!(
        answer.body["error"],
        json!({"type": "forbidden", "reason": "scope_missing", "message": message})
    );

    let answer = Answer::of(client.request(Method::PATCH, bad_ids)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.body["error"]["type"], "validation_failed");
    assert_eq!(answer.body["error"]["message"], "Validation failed.");
    let invalid = answer.body["error"]["invalid"].as_array().unwrap();
    for (entry, name) in invalid.iter().zip(["$.patient_id", "$.id"]) {
        let description = &entry["rules"][0]["description"];
        let rules = json!([{"rule": "format", "params": ["uuid"], "description": description}]);
        assert_eq!(*entry, json!({"entry_type": "request", "entry": name, "rules": rules}));
    }
    assert_eq!(invalid.len(), 2);
    assert!(stack.ledger().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_for_its_client_alone_and_404_looks_alike_for_everybody_else() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let href = stack.client().resend(patient, approval).await.location();

    let foreign = stack.client().with_token("mis-b-token").get(&href).await;
    let unknown = stack.client().get("/Jobs/NBXk9EyErUZv1RhXgyvgg").await;
    let malformed = stack.client().get("/Jobs/x").await;
    let mut seen = Vec::new();
    for answer in [foreign, unknown, malformed] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        seen.push((answer.body["error"].clone(), headers));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");

    let without_scope = stack.client().with_token("read-less-token").get(&href).await;
    assert_eq!(without_scope.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_body_a_client_may_send_is_taken_up_to_16_kib() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let path = resend_path(patient, approval);
    let request = || stack.client().request(Method::PATCH, &path);
    for body in ["", "{}", "[]"] {
        assert_eq!(Answer::of(request().body(body)).await.status, StatusCode::ACCEPTED, "{body:?}");
        let typed = request().header("content-type", "application/json").body(body);
        assert_eq!(Answer::of(typed).await.status, StatusCode::ACCEPTED, "{body:?}");
    }
    let large = Answer::of(request().body(vec![b' '; 16 * 1024 + 1])).await;
    assert_eq!(
        (large.status, &large.body["error"]["type"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("request_too_large"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_travels_from_the_client_to_the_gateway() {
    let stack = Stack::start().await;
    let (patient, approval) = plain();
    let path = resend_path(patient, approval);
    let request = stack.client().request(Method::PATCH, &path).header("x-request-id", "req-adasdoijasdojsda");
    let answer = Answer::of(request).await;
    assert_eq!(answer.header("x-request-id"), Some("req-adasdoijasdojsda"));
    assert_eq!(answer.body["meta"]["request_id"], "req-adasdoijasdojsda");
    stack.client().end_of(&answer.location(), Duration::from_secs(10)).await;
    assert_eq!(stack.ledger()[0]["request_id"], "req-adasdoijasdojsda");
    assert!(stack.workers[0].process.log().contains("req-adasdoijasdojsda"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_replays_the_first_answer() {
    let stack = Stack::start().await;
    let (patient, approval) = plain();
    let keyed = |path: String| stack.client().request(Method::PATCH, &path).header("idempotency-key", "k-1");
    let first = Answer::of(keyed(resend_path(patient, approval))).await;
    assert_eq!(first.body["meta"]["idempotency_key"], "k-1");
    stack.client().end_of(&first.location(), Duration::from_secs(10)).await;
    let again = Answer::of(keyed(resend_path(patient, approval))).await;
    assert_eq!((again.status, &again.body["data"]), (StatusCode::ACCEPTED, &first.body["data"]));
    let elsewhere = Answer::of(keyed(resend_path(patient, Uuid::new_v4()))).await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stack.ledger().len(), 1);
    stack.stop().await;
}

/// Quotes around a key are not part of it, and the platform's name for the header works too.
#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_read_under_either_name_and_two_are_refused() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (patient, approval) = plain();
    let path = resend_path(patient, approval);
    let ask = async |headers: &[(&'static str, &'static str)]| {
        let request = stack.client().request(Method::PATCH, &path);
        Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    };
    let first = ask(&[("idempotency-key", "\"k-1\"")]).await;
    assert_eq!((first.status, &first.body["meta"]["idempotency_key"]), (StatusCode::ACCEPTED, &json!("k-1")));
    for headers in
        [&[("x-idempotency-key", "k-1")][..], &[("idempotency-key", "k-1"), ("x-idempotency-key", "\"k-1\"")]]
    {
        let again = ask(headers).await;
        assert_eq!((again.status, &again.body["data"]), (StatusCode::ACCEPTED, &first.body["data"]));
    }
    let two = ask(&[("idempotency-key", "k-1"), ("x-idempotency-key", "k-2")]).await;
    assert_eq!(
        (two.status, &two.body["error"]["reason"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("request_invalid"))
    );
    assert_eq!(two.body["error"]["invalid"][0]["entry"], "x-idempotency-key");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_the_answer_is_503_with_retry_after_and_health_goes_on() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    // It is not ready before Redis has answered once.
    tests::eventually::eventually("the API is ready", Duration::from_secs(5), || async {
        stack.client().get("/readyz").await.status.is_success().then_some(())
    })
    .await;
    stack.redis.kill().await;
    let (patient, approval) = plain();
    let answer = stack.client().resend(patient, approval).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert_eq!(answer.body["error"]["type"], "internal_error");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(stack.client().get("/healthz").await.status, StatusCode::OK);
    // Clients must get the 503 above, not a proxy's.
    assert_eq!(stack.client().get("/readyz").await.status, StatusCode::OK);
    stack.redis.restart().await;
    tests::eventually::eventually("the API accepts again", Duration::from_secs(5), || async {
        (stack.client().resend(patient, approval).await.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
}
