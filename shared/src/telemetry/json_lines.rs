//! Log lines as JSON, one flat object each: time, level, service, version, the event's own members, and those of its
//! span. The library's own format takes a fifth of the cost of a request (measured), as there is a line per request,
//! and nests the members of spans.

use std::fmt;
use std::io::Write;

use chrono::{SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Buffer size for a usual line, in bytes.
const USUAL_SIZE: usize = 384;

/// The format.
pub(super) struct JsonLines {
    /// The members that are the same in every line of the process.
    process: String,
}

impl JsonLines {
    /// Lines of this service.
    pub(super) fn of(service: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self { process: format!(",\"service\":\"{service}\",\"version\":\"{version}\"") }
    }
}

/// Spans keep their fields as the text of a JSON object.
pub(super) fn span_fields() -> JsonFields {
    JsonFields::new()
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let own = Vec::with_capacity(event.metadata().fields().len());
        let mut line = JsonLine { text: Vec::with_capacity(USUAL_SIZE), own };
        line.text.extend_from_slice(b"{\"timestamp\":\"");
        line.text.extend_from_slice(Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true).as_bytes());
        line.text.push(b'"');
        line.member("level", event.metadata().level().as_str());
        line.text.extend_from_slice(self.process.as_bytes());
        event.record(&mut line);
        if let Some(span) = context.lookup_current() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>().map_or("", |fields| fields.fields.as_str());
            line.span(span.name(), fields);
        }
        line.text.extend_from_slice(b"}\n");
        writer.write_str(std::str::from_utf8(&line.text).map_err(|_| fmt::Error)?)
    }
}

/// A line being written.
struct JsonLine {
    text: Vec<u8>,
    /// Names of the event's own members.
    own: Vec<&'static str>,
}

impl JsonLine {
    fn member(&mut self, name: &str, value: impl Serialize) {
        self.text.extend_from_slice(b",\"");
        self.text.extend_from_slice(name.strip_prefix("r#").unwrap_or(name).as_bytes());
        self.text.extend_from_slice(b"\":");
        // Strings and numbers cannot fail; any other value would leave a hole in the line.
        if serde_json::to_writer(&mut self.text, &value).is_err() {
            self.text.extend_from_slice(b"null");
        }
    }

    /// Adds the members of a span; `fields` is the text of an object, or empty. The event's own members win.
    fn span(&mut self, name: &str, fields: &str) {
        let is_own = |name: &str| self.own.contains(&name);
        if fields.split('"').any(is_own) {
            let members: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
            let others: Vec<_> = members.into_iter().filter(|(name, _)| !is_own(name)).collect();
            for (name, value) in &others {
                self.member(name, value);
            }
        } else {
            let fields = fields.trim().trim_start_matches('{').trim_end_matches('}');
            let comma = if fields.is_empty() { "" } else { "," };
            let _ = write!(self.text, "{comma}{fields}");
        }
        self.member("span", name);
    }

    fn own(&mut self, field: &Field, value: impl Serialize) {
        self.own.push(field.name());
        self.member(field.name(), value);
    }
}

/// Written by its `Display`, without an intermediate string.
struct DebugText<'a>(&'a dyn fmt::Debug);

impl Serialize for DebugText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl Visit for JsonLine {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.own(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.own(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.own(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.own(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.own(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.own(field, DebugText(value));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn events() {
        tracing::warn!(plain = "a\"b\\c\u{7}\n", shown = %"Код \"1\"", number = 7_u64, less = -7, ratio = 0.5, yes = true, "said so");
        let span = tracing::info_span!("resend_approval", job = %"abc", tries = 2);
        span.in_scope(|| tracing::info!(job = "own", "the event's own member wins"));
        span.in_scope(|| tracing::info!(error = ?io::Error::other("x"), r#type = "t", "in {}", "it"));
        tracing::info_span!("bare").in_scope(|| tracing::info!("in a span without fields"));
    }

    /// The lines without their times.
    fn lines(written: &Written) -> Vec<Value> {
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let read = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
            assert_eq!(time.as_str().unwrap().len(), "2026-01-01T00:00:00.123456Z".len());
            line
        };
        text.lines().map(read).collect()
    }

    /// A line of the library's as ours is: flat, and of a service.
    fn flat(mut line: Value) -> Value {
        let members = line.as_object_mut().unwrap();
        members.insert("service".into(), "resend-api".into());
        members.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        if let Some(Value::Object(mut span)) = members.remove("span") {
            members.insert("span".into(), span.remove("name").unwrap());
            for (name, value) in span {
                members.entry(name).or_insert(value);
            }
        }
        line
    }

    #[test]
    fn lines_hold_what_the_librarys_own_format_writes_but_flat() {
        let (ours, theirs) = (Written::default(), Written::default());
        let builder = || tracing_subscriber::fmt().with_target(false);
        let format = JsonLines::of("resend-api");
        let ours_of = builder().fmt_fields(span_fields()).event_format(format).with_writer(ours.clone());
        tracing::subscriber::with_default(ours_of.finish(), events);
        let theirs_of = builder().json().flatten_event(true).with_current_span(true).with_span_list(false);
        tracing::subscriber::with_default(theirs_of.with_writer(theirs.clone()).finish(), events);
        assert_eq!(lines(&ours), lines(&theirs).into_iter().map(flat).collect::<Vec<_>>());
        assert_eq!(lines(&ours).len(), 4);
        assert_eq!((&lines(&ours)[1]["job"], &lines(&ours)[1]["tries"]), (&"own".into(), &2.into()));
    }
}
