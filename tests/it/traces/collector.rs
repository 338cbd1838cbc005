//! The receiving end of OTLP, protobuf over HTTP, and a gateway that records the trace of a message.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

/// A span as it was received.
pub(super) struct ReceivedSpan {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) kind: i32,
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) started: u64,
    pub(super) attributes: Value,
}

#[derive(Default)]
struct Received {
    bodies: Vec<Bytes>,
    traceparents: Vec<String>,
    messages: Vec<String>,
}

type Shared = Arc<Mutex<Received>>;

/// The server; it lives as long as the test's runtime.
pub(super) struct Collector {
    pub(super) url: String,
    received: Shared,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let received = Shared::default();
        let routes = Router::new().route("/v1/traces", post(export)).route("/sms/messages", post(message));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = routes.with_state(received.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, received }
    }

    pub(super) fn spans(&self) -> Vec<ReceivedSpan> {
        let bodies = self.received.lock().unwrap().bodies.clone();
        let requests = bodies.into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        requests.flat_map(|request| request.resource_spans).flat_map(of_resource).collect()
    }

    /// All that was exported, as text: strings stand in protobuf as they are.
    pub(super) fn text(&self) -> String {
        let bodies = self.received.lock().unwrap().bodies.clone();
        bodies.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect()
    }

    pub(super) fn traceparents(&self) -> Vec<String> {
        self.received.lock().unwrap().traceparents.clone()
    }

    /// The one message the gateway was given.
    pub(super) fn message(&self) -> String {
        self.received.lock().unwrap().messages.concat()
    }
}

async fn export(State(received): State<Shared>, body: Bytes) {
    received.lock().unwrap().bodies.push(body);
}

async fn message(State(received): State<Shared>, headers: HeaderMap, body: String) -> Json<Value> {
    let mut received = received.lock().unwrap();
    received.traceparents.push(headers["traceparent"].to_str().unwrap().to_owned());
    received.messages.push(body);
    Json(json!({"message_id": "m-1"}))
}

fn of_resource(of: ResourceSpans) -> Vec<ReceivedSpan> {
    let about = attributes(of.resource.unwrap_or_default().attributes);
    let service = about["service.name"].as_str().unwrap_or_default().to_owned();
    let spans = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| seen(&service, span)).collect()
}

fn seen(service: &str, span: Span) -> ReceivedSpan {
    ReceivedSpan {
        service: service.to_owned(),
        kind: span.kind,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        started: span.start_time_unix_nano,
        attributes: attributes(span.attributes),
        name: span.name,
    }
}

fn attributes(pairs: Vec<KeyValue>) -> Value {
    let read = |value| match value {
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::IntValue(number)) => json!(number),
        _ => Value::Null,
    };
    let pairs = pairs.into_iter().map(|pair| (pair.key, read(pair.value.and_then(|value| value.value))));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
