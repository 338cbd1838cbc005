//! Load over HTTP by `wrk`, which costs less of the cores it shares than any client of ours.

use std::path::{Path, PathBuf};

use tests::process::Process;
use tokio::process::Command;

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Median latency, milliseconds.
    pub(crate) p50_ms: f64,
    /// Latency of all but one in a hundred, milliseconds.
    pub(crate) p99_ms: f64,
    /// CPU time of the server per request, microseconds.
    pub(crate) cpu_us: f64,
}

/// A kind of request, as a script of `wrk`.
pub(crate) struct Requests(PathBuf);

impl Requests {
    /// Requests for approvals nobody has seen before.
    pub(crate) fn resends(folder: &Path) -> Self {
        // wrk runs one Lua state per thread; each begins elsewhere, so that no two runs share an approval.
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

    /// Asks a server with so many connections for so long. Answers other than 2xx and 3xx fail the bench: a fast
    /// refusal is no figure.
    pub(crate) async fn run(&self, url: &str, server: &Process, connections: u32, seconds: u64) -> Load {
        let before = cpu_seconds(server);
        let mut command = Command::new("wrk");
        command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--latency", "-s"]);
        let output = command.arg(&self.0).arg(url).output().await.expect("wrk is installed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
        let requests = number(&text, " requests in").unwrap_or_else(|| {
            panic!("no count in wrk's report:\n{text}{}", String::from_utf8_lossy(&output.stderr))
        });
        let rate =
            text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok());
        Load {
            rate: rate.expect("a rate in wrk's report"),
            p50_ms: latency(&text, "50%"),
            p99_ms: latency(&text, "99%"),
            cpu_us: (cpu_seconds(server) - before) / requests * 1_000_000.0,
        }
    }
}

fn number(text: &str, before: &str) -> Option<f64> {
    text.lines().find_map(|line| line.split_once(before)?.0.trim().parse().ok())
}

fn latency(text: &str, percentile: &str) -> f64 {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(percentile).map(str::trim));
    let value = value.expect("a percentile in wrk's report");
    let scaled =
        |unit: &str, factor: f64| value.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor);
    scaled("us", 0.001)
        .or_else(|| scaled("ms", 1.0))
        .or_else(|| scaled("s", 1_000.0))
        .expect("a time in wrk's report")
}

/// CPU time a process has used, seconds; 100 ticks a second on every Linux we run on.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn cpu_seconds(process: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id().expect("a running process")));
    let stat = stat.expect("a running process");
    let after_name = stat.rsplit_once(')').expect("a name in parentheses").1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

/// Memory a process holds, MiB.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn rss_mib(process: &Process) -> f64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.id().expect("a running process")));
    let status = status.expect("a running process");
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.map_or(f64::NAN, |kib: u64| kib as f64 / 1024.0)
}
