//! HTTP load from `wrk`, which uses less of the shared cores than any client of ours.

use std::path::{Path, PathBuf};

use ::tests::process::Process;
use tokio::process::Command;

use super::series;
use super::usage::Meter;

/// The result of one run.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Requests answered.
    pub(crate) requests: f64,
    /// Median latency, milliseconds.
    pub(crate) p50_ms: f64,
    /// Latency of all but one in a hundred, milliseconds.
    pub(crate) p99_ms: f64,
    /// CPU time per request of each process watched, microseconds.
    pub(crate) cpu_us: Vec<f64>,
}

/// How much load, and which processes to watch.
pub(crate) struct LoadOptions<'a> {
    /// Connections, each with one request at a time.
    pub(crate) connections: u32,
    /// For how long.
    pub(crate) seconds: u64,
    /// The processes whose CPU time is measured.
    pub(crate) watched: Vec<&'a Process>,
}

/// A kind of request, as a script of `wrk`.
pub(crate) struct Requests(PathBuf);

impl Requests {
    /// Requests for new approvals.
    pub(crate) fn resends(folder: &Path) -> Self {
        // Each thread starts at another number, so that no two runs share an approval.
        let seed = rand::random::<u32>();
        Self::script(
            folder,
            "resends.lua",
            &format!(
                r#"
local n = 0
local path = "/api/patients/10000000-0000-4000-8000-000000000001/approvals/%08x-0000-4000-8000-%012x/actions/resend"
wrk.headers["Authorization"] = "Bearer mis-a-token"
request = function()
  n = n + 1
  return wrk.format("PATCH", string.format(path, {seed}, n))
end
"#
            ),
        )
    }

    /// GETs of one path.
    pub(crate) fn reads(folder: &Path, path: &str, etag: Option<&str>) -> Self {
        let condition = etag.map(|etag| format!("wrk.headers[\"If-None-Match\"] = [==[{etag}]==]\n"));
        let text = format!(
            "wrk.headers[\"Authorization\"] = \"Bearer mis-a-token\"\n{}request = function() return wrk.format(\"GET\", \"{path}\") end\n",
            condition.unwrap_or_default()
        );
        Self::script(folder, "reads.lua", &text)
    }

    fn script(folder: &Path, name: &str, text: &str) -> Self {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a folder that can be written");
        Self(path)
    }

    /// Loads a server. Any answer but 2xx and 3xx fails the figure, because refusals are fast.
    pub(crate) async fn run(&self, url: &str, asking: &LoadOptions<'_>) -> Load {
        let meter = Meter::start(&asking.watched);
        let mut command = Command::new("wrk");
        command.args(["-t1", &format!("-c{}", asking.connections), &format!("-d{}s", asking.seconds)]);
        command.args(["--latency", "-s"]).arg(&self.0).arg(url);
        let output = command.output().await.expect("wrk is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if let Some(wrong) =
            text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        {
            panic!("{}", wrong.trim());
        }
        let mut load = Load::read(&text).unwrap_or_else(|| {
            panic!("a report wrk does not write:\n{text}{}", String::from_utf8_lossy(&output.stderr))
        });
        load.cpu_us = meter.us_each(load.requests);
        load
    }
}

impl Load {
    /// Parses the report of `wrk`.
    fn read(text: &str) -> Option<Self> {
        let line = |start: &str| text.lines().find_map(|line| line.trim().strip_prefix(start).map(str::trim));
        let count = text.lines().find_map(|line| line.split_once(" requests in")?.0.trim().parse().ok());
        Some(Self {
            rate: line("Requests/sec:")?.parse().ok()?,
            requests: count?,
            p50_ms: milliseconds(line("50%")?)?,
            p99_ms: milliseconds(line("99%")?)?,
            cpu_us: Vec::new(),
        })
    }
}

/// The rates of several runs.
pub(crate) fn rates(loads: &[Load]) -> Vec<f64> {
    loads.iter().map(|load| load.rate).collect()
}

/// Several runs as text: rate with spread, latencies, CPU per request of the server and of Redis.
pub(crate) fn words(loads: &[Load]) -> String {
    let of = |part: fn(&Load) -> f64| series::median(loads.iter().map(part).collect());
    let watched = loads.first().map_or(0, |load| load.cpu_us.len());
    let cpu = |at: usize| series::median(loads.iter().map(|load| load.cpu_us[at]).collect());
    let cpu: Vec<String> = (0..watched).map(|at| format!("{:.0}", cpu(at))).collect();
    let (p50, p99) = (of(|load| load.p50_ms), of(|load| load.p99_ms));
    format!("{}, p50 {p50:.1} ms, p99 {p99:.1} ms, CPU {} µs", series::rate(&rates(loads)), cpu.join(" + "))
}

fn milliseconds(text: &str) -> Option<f64> {
    let scaled =
        |unit: &str, factor: f64| text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor);
    scaled("us", 0.001).or_else(|| scaled("ms", 1.0)).or_else(|| scaled("s", 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_wrk_is_read_whatever_its_units() {
        let text = "  Latency Distribution\n     50%  812.00us\n     75%    1.10ms\n     99%    1.20s \n  \
                    61234 requests in 2.00s, 20.10MB read\nRequests/sec:  30617.25\n";
        let load = Load::read(text).expect("a report");
        assert!(
            (load.requests - 61_234.0).abs() < f64::EPSILON && (load.rate - 30_617.25).abs() < f64::EPSILON
        );
        assert!((load.p50_ms - 0.812).abs() < 1e-9 && (load.p99_ms - 1_200.0).abs() < 1e-9);
        assert!(Load::read("unable to connect").is_none());
    }
}
