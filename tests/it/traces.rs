//! Traces: one trace from the client through the request, the queue and the job, as a collector receives it; and a
//! useless collector that must do no harm.

mod collector;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::client::{Answer, resend_path};
use tests::eventually::eventually;
use tests::sandbox::scenarios::{Expected, Scenario, scenarios};
use tests::stack::{Stack, StackBuilder};
use tokio::net::TcpListener;

use collector::{Collector, ReceivedSpan};

const SOON: Duration = Duration::from_secs(15);
const ROUTE: &str = "PATCH /api/patients/{patient_id}/approvals/{id}/actions/resend";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

fn sent() -> Scenario {
    scenarios().into_iter().find(|one| matches!(one.expected, Expected::Sent { .. })).unwrap()
}

async fn stack(endpoint: &str) -> Stack {
    let builder = StackBuilder::new().set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    builder.set("OTEL_BSP_SCHEDULE_DELAY", 50).start().await
}

/// Calls for tokens, persons, codes and spans go where the settings say, whatever proxy the environment names.
#[tokio::test(flavor = "multi_thread")]
async fn no_program_obeys_a_proxy_of_the_environment() {
    let (collector, proxy) = (Collector::start().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut builder = StackBuilder::new().set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    builder = builder.set("OTEL_BSP_SCHEDULE_DELAY", 50).set("NO_PROXY", "").set("no_proxy", "");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        builder = builder.set(name, &url);
    }
    let stack = builder.start().await;
    run(&stack, "01").await;
    // The API's span and the worker's: both exporters have reached the collector.
    spans(&collector, &[ROUTE, "process resend"]).await;
    let came = tokio::time::timeout(Duration::from_millis(200), proxy.accept()).await;
    assert!(came.is_err(), "something went to the proxy: {came:?}");
    stack.stop().await;
}

/// Runs the job that sends, under this trace, and answers its id.
async fn run(stack: &Stack, flags: &str) -> String {
    let (client, scenario) = (stack.client(), sent());
    let request = client
        .request(Method::PATCH, &resend_path(scenario.patient_id, scenario.approval_id))
        .header("traceparent", format!("00-{TRACE}-{CLIENT}-{flags}"));
    let accepted = Answer::of(request).await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    let ended = client.end_of(&accepted.location(), SOON).await;
    assert_eq!(ended.body["data"]["status"], "processed", "{}", ended.body);
    accepted.location().rsplit('/').next().unwrap().to_owned()
}

/// The spans of the client's trace, once all of these are there.
async fn spans(collector: &Collector, names: &[&str]) -> Vec<ReceivedSpan> {
    eventually(names, SOON, || async {
        let seen: Vec<ReceivedSpan> =
            collector.spans().into_iter().filter(|span| span.trace == TRACE).collect();
        names.iter().all(|name| seen.iter().any(|span| span.name == *name)).then_some(seen)
    })
    .await
}

fn one<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let mut found = spans.iter().filter(|span| span.name == name);
    let first = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.all(|span| name == "begin send" && span.parent == first.parent), "{name} twice");
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_client_to_the_gateway_and_names_nobody() {
    let collector = Collector::start().await;
    let mut stack = stack(&collector.url).await;
    stack.workers.pop().unwrap().process.stop(SOON).await;
    let gateway = format!("{}/sms/messages", collector.url);
    stack.add_worker(&[("RESEND_SMS_URL", &gateway)]).await;
    let job = run(&stack, "01").await;

    let spans = spans(&collector, &[ROUTE, "send resend", "process resend", "finish"]).await;
    let (server, producer) = (one(&spans, ROUTE), one(&spans, "send resend"));
    let (consumer, submit) = (one(&spans, "process resend"), one(&spans, "submit sms"));
    assert_eq!((server.parent.as_str(), &producer.parent), (CLIENT, &server.id));
    assert_eq!(consumer.parent, producer.id);
    for step in ["registry person", "registry approval", "begin send", "submit sms", "finish"] {
        assert_eq!(one(&spans, step).parent, consumer.id, "{step}");
    }
    let call = one(&spans, "sms");
    assert_eq!(call.parent, submit.id);
    assert_eq!(collector.traceparents(), [format!("00-{TRACE}-{}-01", call.id)]);

    let kinds = [server, producer, consumer, one(&spans, "registry person"), submit].map(|span| span.kind);
    let wanted =
        [SpanKind::Server, SpanKind::Producer, SpanKind::Consumer, SpanKind::Client, SpanKind::Internal];
    assert_eq!(kinds, wanted.map(|kind| kind as i32));
    let route = ROUTE.strip_prefix("PATCH ").unwrap();
    let answered =
        json!({"http.request.method": "PATCH", "http.route": route, "http.response.status_code": 202});
    assert_eq!(server.attributes, answered);
    let mut message = json!({
        "messaging.system": "redis", "messaging.operation.name": "send", "messaging.operation.type": "send",
        "messaging.destination.name": "resend", "messaging.message.id": job, "resend.result": "accepted",
    });
    assert_eq!(producer.attributes, message);
    for (name, value) in [
        ("messaging.operation.name", json!("process")),
        ("messaging.operation.type", json!("process")),
        ("resend.result", json!("ended")),
        ("resend.delivery", json!(1)),
        ("resend.status_code", json!(200)),
    ] {
        message[name] = value;
    }
    assert_eq!(consumer.attributes, message);
    let services: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["resend-api", "resend-worker"]));

    stack.stop().await;
    names_nobody(&collector);
}

/// Checks all bytes sent to the collector, once the last process has ended.
fn names_nobody(collector: &Collector) {
    let (scenario, text) = (sent(), collector.text());
    let Expected::Sent { to } = &scenario.expected else { panic!("nothing is sent") };
    let message: serde_json::Value = serde_json::from_str(&collector.message()).unwrap();
    let (digits, code) =
        (to.trim_start_matches('+'), message["text"].as_str().unwrap().rsplit(' ').next().unwrap());
    assert!(message["to"].as_str().unwrap().ends_with(digits) && code.len() == 6, "{message}");
    assert!(text.contains("process resend"), "no span was seen");
    let person = scenario.person.as_ref().unwrap();
    let names = ["first_name", "last_name"].map(|name| person[name].as_str().unwrap());
    let ids = [scenario.patient_id.to_string(), scenario.approval_id.to_string()];
    let secrets =
        ["mis-a-token", "registry-token", "sms-token", "sandbox-secret", digits, code, names[0], names[1]];
    for secret in secrets.into_iter().chain(ids.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{secret} is in the spans");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_the_client_does_not_keep_is_not_exported() {
    let collector = Collector::start().await;
    let stack = stack(&collector.url).await;
    run(&stack, "00").await;
    // The polls for its end began traces of their own, after it.
    stack.stop().await;
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.name == "GET /Jobs/{id}"));
    assert_eq!(spans.iter().filter(|span| span.trace == TRACE || span.name.ends_with("resend")).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_of_a_job_has_a_span_below_the_one_that_put_it_in() {
    let collector = Collector::start().await;
    let stack = stack(&collector.url).await;
    stack.set_faults(json!([{"target": "persons", "action": {"status": 500}, "times": 1}])).await;
    run(&stack, "01").await;
    stack.stop().await;
    let spans = collector.spans();
    let (mut deliveries, producer): (Vec<_>, _) =
        (spans.iter().filter(|span| span.name == "process resend").collect(), one(&spans, "send resend"));
    deliveries.sort_by_key(|span| span.started);
    let results: Vec<_> = deliveries.iter().map(|span| span.attributes["resend.result"].as_str()).collect();
    assert_eq!(results, [Some("retry_later"), Some("ended")]);
    assert!(deliveries.iter().all(|span| span.parent == producer.id && span.trace == TRACE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_or_silent_holds_up_neither_a_job_nor_the_stop() {
    // Accepts connections, by the kernel's hand, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = tests::process::free_port().unwrap();
    for port in [silent.local_addr().unwrap().port(), gone] {
        let mut stack = stack(&format!("http://127.0.0.1:{port}")).await;
        run(&stack, "01").await;
        for member in [stack.apis.pop().unwrap(), stack.workers.pop().unwrap()] {
            let (mut process, start) = (member.process, Instant::now());
            assert!(process.stop(SOON).await.success(), "{}", process.log());
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
            let log = process.log();
            assert!(log.contains("the last spans did not reach") || log.contains("spans lost"), "{log}");
            assert!(log.lines().filter(|line| line.contains("spans lost")).count() < 10, "{log}");
        }
        stack.stop().await;
    }
}
