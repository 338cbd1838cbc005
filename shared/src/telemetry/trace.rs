//! Spans on their way to a collector: OTLP, protobuf over HTTP, in batches from a queue of bounded length. A collector
//! that is away costs spans, never a request or a job. What a span is called and holds is `span`'s.

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;

use super::{LogThrottle, connect_failure, span};
use crate::settings::TraceConfig;

/// Longest one batch may be under way.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);

/// Longest a stopping process waits for its last batch.
const FLUSH_LIMIT: Duration = Duration::from_millis(1_500);

/// Why no span can be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// No certificates, or no cryptography.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Client(#[from] reqwest::Error),
    /// One of the `OTEL_EXPORTER_OTLP_*` variables is of no use.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The export, as long as the process lives; nothing where there is no collector.
#[must_use = "the last spans are lost unless it is shut down"]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts it within the runtime that is to make the calls. `service` is the name where `OTEL_SERVICE_NAME` is not set.
    pub fn start(service: &'static str, config: &TraceConfig) -> Result<Self, TraceError> {
        let Some(endpoint) = &config.endpoint else { return Ok(Self(None)) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_http_client(ExportClient::new()?)
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_batch_exporter(exporter)
            .build();
        span::install(provider.tracer("resend"));
        Ok(Self(Some(provider)))
    }

    /// Sends what there is, for a moment at most.
    pub async fn shutdown(self) {
        let Some(provider) = self.0 else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_LIMIT)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans did not reach the collector");
        }
    }
}

/// The environment's own name wins.
fn resource(service: &'static str) -> Resource {
    let found = Resource::builder().build();
    let name = found.get(&"service.name".into()).map(|name| name.to_string()).unwrap_or_default();
    if name.is_empty() || name.starts_with("unknown_service") {
        return Resource::builder().with_service_name(service).build();
    }
    found
}

/// Makes the exporter's calls on our runtime: the exporter has a thread of its own, and blocks it.
#[derive(Debug)]
struct ExportClient {
    client: reqwest::Client,
    runtime: Handle,
}

impl ExportClient {
    fn new() -> Result<Self, reqwest::Error> {
        // Settings alone decide where a call goes, not HTTP_PROXY; the same holds for every client here.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(EXPORT_LIMIT)
            .build()?;
        Ok(Self { client, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for ExportClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        // The call is begun there, too: its time limit needs the runtime.
        let answer = self.runtime.spawn(async move { client.execute(request).await }).await?;
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => warn(answer.status().as_str()),
            Err(error) if error.is_timeout() => warn("silent"),
            Err(error) => warn(&connect_failure(error)),
        }
        // What else it says is not read: there is nothing to do about it.
        Ok(Response::builder().status(answer?.status()).body(Bytes::new())?)
    }
}

/// Neither the URL nor the headers: both may hold a secret.
fn warn(collector: &str) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::warn!(collector, suppressed, "spans lost: the collector did not take them");
    }
}
