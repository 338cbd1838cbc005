//! Spans of a trace: their names and attributes in one place, and their parents. They are made with OpenTelemetry
//! itself, not from `tracing`'s spans, so that log lines stay the same and a process without a collector makes none. No
//! span has an id of a person or an approval, a phone, a code, a token or a name.

use std::borrow::Cow;
use std::sync::OnceLock;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use crate::domain::ids::{JobId, TraceParent};

/// Makes the spans of this process; absent if nothing is exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Name: the read of a person.
pub const REGISTRY_PERSON: &str = "registry person";
/// Name: the read of an approval.
pub const REGISTRY_APPROVAL: &str = "registry approval";
/// Name: the permit to send, recorded before anything is sent.
pub const BEGIN_SEND: &str = "begin send";
/// Name: handing the message to the channels.
pub const SUBMIT_SMS: &str = "submit sms";
/// Name: recording the end of a job, or of a try.
pub const FINISH: &str = "finish";

/// Attribute: the route's template.
const ROUTE: &str = "http.route";
/// Attribute: the method, one of a closed set.
const METHOD: &str = "http.request.method";
/// Attribute: the status of the answer.
const STATUS: &str = "http.response.status_code";
/// Attribute: the called service, as in the metrics.
const SERVICE: &str = "peer.service";
/// Attribute: the result, as in the metrics.
const RESULT: &str = "resend.result";
/// Attribute: the status code a job ended with.
const JOB_STATUS: &str = "resend.status_code";
/// Attribute: which delivery of the job this is, from 1.
const DELIVERY: &str = "resend.delivery";

/// A span, or nothing. It ends with `end`, or when its last clone is dropped.
#[derive(Clone, Default)]
pub struct Span(Option<Context>);

/// Installs the tracer for this process; later calls change nothing.
pub(super) fn install(tracer: SdkTracer) {
    let _ = TRACER.set(tracer);
}

impl Span {
    /// A request being answered, as a child of the client's span.
    pub fn server(method: &'static str, route: &'static str, parent: Option<&TraceParent>) -> Self {
        Self::start(SpanKind::Server, parent, true, || {
            (
                format!("{method} {route}").into(),
                vec![KeyValue::new(METHOD, method), KeyValue::new(ROUTE, route)],
            )
        })
    }

    /// A job being enqueued.
    pub fn producer(queue: &str, job: &JobId, parent: Option<&TraceParent>) -> Self {
        Self::start(SpanKind::Producer, parent, false, || messaging("send", "send", queue, job))
    }

    /// One delivery of a job, as a child of the span that enqueued it: it is the only message handled.
    pub fn consumer(queue: &str, job: &JobId, delivery: u64, parent: Option<&TraceParent>) -> Self {
        Self::start(SpanKind::Consumer, parent, true, || {
            let (name, mut attributes) = messaging("process", "process", queue, job);
            attributes.push(KeyValue::new(DELIVERY, i64::try_from(delivery).unwrap_or(i64::MAX)));
            (name, attributes)
        })
    }

    /// A call of another service.
    pub fn client(name: &'static str, service: &'static str, parent: Option<&TraceParent>) -> Self {
        Self::start(SpanKind::Client, parent, false, || (name.into(), vec![KeyValue::new(SERVICE, service)]))
    }

    /// A step of a job.
    pub fn step(name: &'static str, parent: Option<&TraceParent>) -> Self {
        Self::start(SpanKind::Internal, parent, false, || (name.into(), Vec::new()))
    }

    fn start(
        kind: SpanKind,
        parent: Option<&TraceParent>,
        is_remote: bool,
        describe: impl FnOnce() -> (Cow<'static, str>, Vec<KeyValue>),
    ) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let parent = parent.and_then(|parent| read(parent.as_str(), is_remote));
        let parent =
            parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        let (name, attributes) = describe();
        let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes);
        Self(Some(parent.with_span(tracer.build_with_context(builder, &parent))))
    }

    /// The context for child spans; `None` if there are no spans.
    pub fn traceparent(&self) -> Option<TraceParent> {
        let span = self.0.as_ref()?.span();
        let own = span.span_context();
        let flags = own.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{:02x}", own.trace_id(), own.span_id(), flags.to_u8()).parse().ok()
    }

    /// The context for child spans: this span, or without spans the context this one was given.
    pub fn or(&self, parent: Option<&TraceParent>) -> Option<TraceParent> {
        self.traceparent().or_else(|| parent.cloned())
    }

    /// Records the result.
    pub fn result(&self, result: &'static str) {
        self.set(KeyValue::new(RESULT, result));
    }

    /// Records the status of an answer.
    pub fn status(&self, status: u16) {
        self.set(KeyValue::new(STATUS, i64::from(status)));
    }

    /// Records the status code a job ended with.
    pub fn job_status(&self, status_code: u16) {
        self.set(KeyValue::new(JOB_STATUS, i64::from(status_code)));
    }

    /// Records that it failed, in one word.
    pub fn fail(&self, error: &'static str) {
        self.set(KeyValue::new("error.type", error));
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(error));
        }
    }

    /// Ends it.
    pub fn end(&self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }

    fn set(&self, attribute: KeyValue) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(attribute);
        }
    }
}

/// Name and attributes by the semantic conventions for messaging.
fn messaging(
    operation: &'static str,
    kind: &'static str,
    queue: &str,
    job: &JobId,
) -> (Cow<'static, str>, Vec<KeyValue>) {
    let attributes = vec![
        KeyValue::new("messaging.system", "redis"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", kind),
        KeyValue::new("messaging.destination.name", queue.to_owned()),
        KeyValue::new("messaging.message.id", job.to_string()),
    ];
    (format!("{operation} {queue}").into(), attributes)
}

/// A `traceparent` as in W3C Trace Context, section 3.2; later versions may have more after the flags.
fn read(text: &str, is_remote: bool) -> Option<SpanContext> {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags, more @ ..] = parts.as_slice() else { return None };
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let shaped = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    if !shaped || *version == "ff" || (*version == "00" && !more.is_empty()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    Some(SpanContext::new(trace, span, flags, is_remote, TraceState::default())).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_of_the_specification_is_read_and_any_other_begins_a_trace() {
        let parent = read(TRACE, true).unwrap();
        assert_eq!(parent.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(parent.is_sampled() && parent.is_remote());
        assert!(!read(&TRACE.replace("-01", "-00"), true).unwrap().is_sampled());
        assert!(read(&format!("01{}-more", &TRACE[2..]), true).is_some());
        for wrong in [
            "",
            "-",
            &TRACE[1..],
            &format!("{TRACE}-more"),
            &format!("ff{}", &TRACE[2..]),
            &TRACE.to_uppercase(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert!(read(wrong, true).is_none(), "{wrong}");
        }
    }

    #[test]
    fn without_a_collector_there_is_no_span_and_the_trace_travels_as_given() {
        let given: TraceParent = TRACE.parse().unwrap();
        let span = Span::server("PATCH", "/", Some(&given));
        assert!(span.0.is_none() && span.traceparent().is_none());
        assert_eq!(span.or(Some(&given)), Some(given));
    }
}
