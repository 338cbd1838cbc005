//! Where traces go.

use super::{ConfigError, Settings};

/// `OTEL_EXPORTER_OTLP_ENDPOINT`. The exporter reads the other `OTEL_*` variables of its specification by itself.
#[derive(Debug, Clone)]
pub struct TraceConfig {
    /// Base URL of the collector; spans go to `/v1/traces` under it. `None`: no spans.
    pub endpoint: Option<String>,
}

impl TraceConfig {
    /// Reads the setting.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let endpoint = settings.text(NAME).map(|_| settings.http_url(NAME)).transpose()?;
        Ok(Self { endpoint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Option<String>, ConfigError> {
        let settings = Settings::from_pairs([("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).unwrap();
        TraceConfig::from_settings(&settings).map(|config| config.endpoint)
    }

    #[test]
    fn it_is_the_base_url_of_a_collector_or_nothing() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("http://collector:4318/"), Ok(Some("http://collector:4318".to_owned())));
        for wrong in ["collector:4318", "grpc://collector:4317", "http://"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{error}");
        }
    }
}
