//! A process' use of the machine, from `/proc`.

use std::fs::read_to_string;

use tests::process::Process;

/// Clock ticks of `/proc` in a second, on every Linux we run on.
const TICKS: f64 = 100.0;

/// CPU time a process has used, all its threads, seconds.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn cpu_seconds(process: &Process) -> f64 {
    let stat = read_to_string(of(process, "stat")).expect("a running process");
    let after_name = stat.rsplit_once(')').expect("a name in parentheses").1;
    let words = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = words.filter_map(|word| word.parse::<u64>().ok()).sum();
    ticks as f64 / TICKS
}

/// The most memory a process has held since it started, MiB.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn peak_rss_mib(process: &Process) -> f64 {
    let status = read_to_string(of(process, "status")).expect("a running process");
    let kib = |line: &str| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok();
    status.lines().find_map(kib).map_or(f64::NAN, |kib: u64| kib as f64 / 1024.0)
}

/// Measures the CPU time of several processes from one moment on.
pub(crate) struct Meter<'a> {
    processes: Vec<(&'a Process, f64)>,
}

impl<'a> Meter<'a> {
    /// Starts counting.
    pub(crate) fn start(processes: &[&'a Process]) -> Self {
        Self { processes: processes.iter().map(|process| (*process, cpu_seconds(process))).collect() }
    }

    /// CPU time of each process since then, in microseconds per request or job, for this many of them.
    pub(crate) fn us_each(&self, number: f64) -> Vec<f64> {
        let spent = self.processes.iter().map(|(process, before)| cpu_seconds(process) - before);
        spent.map(|seconds| seconds / number * 1e6).collect()
    }
}

fn of(process: &Process, file: &str) -> String {
    format!("/proc/{}/{file}", process.id().expect("a running process"))
}
