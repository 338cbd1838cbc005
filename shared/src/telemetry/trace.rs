//! Exports spans to a collector: OTLP, protobuf over HTTP, in batches from a bounded queue. An unreachable collector
//! costs spans, never a request or a job. The names and contents of spans are defined in `span`.

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

/// Longest one batch may take.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);

/// Longest a stopping process waits for its last batch.
const FLUSH_LIMIT: Duration = Duration::from_millis(1_500);

/// Why no span can be exported.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// No certificates, or no cryptography.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Client(#[from] reqwest::Error),
    /// One of the `OTEL_EXPORTER_OTLP_*` variables is invalid.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// The running export; nothing if there is no collector.
#[must_use = "the last spans are lost unless it is shut down"]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts it on the runtime that will make the calls. `service` is the name if `OTEL_SERVICE_NAME` is not set.
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

    /// Sends what is queued, within a short time limit.
    pub async fn shutdown(self) {
        let Some(provider) = self.0 else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_LIMIT)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans did not reach the collector");
        }
    }
}

/// The name from the environment wins.
fn resource(service: &'static str) -> Resource {
    let found = Resource::builder().build();
    let name = found.get(&"service.name".into()).map(|name| name.to_string()).unwrap_or_default();
    if name.is_empty() || name.starts_with("unknown_service") {
        return Resource::builder().with_service_name(service).build();
    }
    found
}

/// Makes the exporter's calls on our runtime: the exporter has its own thread, and blocks it.
#[derive(Debug)]
struct ExportClient {
    client: reqwest::Client,
    runtime: Handle,
}

impl ExportClient {
    fn new() -> Result<Self, reqwest::Error> {
        // Only settings decide where a call goes, not HTTP_PROXY; the same holds for every client here.
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
        // The call is also started there, because its time limit needs the runtime.
        let answer = self.runtime.spawn(async move { client.execute(request).await }).await?;
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => warn(answer.status().as_str()),
            Err(error) if error.is_timeout() => warn("silent"),
            Err(error) => warn(&connect_failure(error)),
        }
        // The rest of the answer is not read: nothing could be done about it.
        Ok(Response::builder().status(answer?.status()).body(Bytes::new())?)
    }
}

/// Contains neither the URL nor the headers, which may hold a secret.
fn warn(collector: &str) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::warn!(collector, suppressed, "spans lost: the collector did not take them");
    }
}
