//! A real Prometheus with the shipped alerts, which scrapes every second.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::eventually::eventually;
use crate::process::{Process, free_port};
use crate::stack::Stack;

const STARTS_WITHIN: Duration = Duration::from_secs(20);
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// The shipped alerts.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/prometheus/alerts.yml");

pub(super) struct Prometheus {
    process: Process,
    base: String,
    http: reqwest::Client,
}

impl Prometheus {
    /// Scrapes every program of the stack from now on.
    pub(super) async fn start(stack: &Stack) -> Self {
        let folder = stack.folder().join("prometheus");
        std::fs::create_dir_all(&folder).expect("a folder of its own");
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config(stack)).expect("a file of its own");
        let base = format!("127.0.0.1:{}", free_port().expect("a port"));
        let words = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={base}"),
        ];
        let process = Process::start(Path::new("prometheus"), &words, &[], &folder.join("log"));
        let process = process.expect("Prometheus is installed: deploy/ensure prometheus");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client without surprises");
        let prometheus = Self { process, base: format!("http://{base}"), http };
        let targets = stack.apis.len() + stack.workers.len();
        eventually("Prometheus scrapes every program", STARTS_WITHIN, || async {
            let up = prometheus.ask("/api/v1/query?query=sum(up)").await?;
            let up = up["data"]["result"][0]["value"][1].as_str()?.parse::<usize>().ok()?;
            (up == targets).then_some(())
        })
        .await;
        prometheus
    }

    /// The firing alerts, one per line with labels and summary.
    pub(super) async fn firing(&self) -> String {
        let answer = self.ask("/api/v1/alerts").await.unwrap_or_default();
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing").map(|alert| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text(&alert["labels"]["alertname"]), text(&alert["annotations"]["summary"]))
        });
        firing.collect::<Vec<_>>().join("\n")
    }

    pub(super) async fn stop(mut self) {
        self.process.stop(STOPS_WITHIN).await;
    }

    async fn ask(&self, path: &str) -> Option<Value> {
        self.http.get(format!("{}{path}", self.base)).send().await.ok()?.json().await.ok()
    }
}

fn config(stack: &Stack) -> String {
    let all = stack.apis.iter().chain(&stack.workers);
    let targets: Vec<_> = all.map(|member| member.url.trim_start_matches("http://")).collect();
    format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{RULES}]\nscrape_configs:\n  - job_name: resend\n    \
         static_configs: [{{targets: {targets:?}}}]\n"
    )
}
