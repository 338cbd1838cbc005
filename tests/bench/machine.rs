//! The machine that the figures were measured on, for comparisons with other runs.

use std::fs::read_to_string;
use std::process::Command;

/// The facts, a line each, as Markdown. Read before anything is measured, so the load is that of other processes.
pub(crate) fn facts() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    [
        format!("- {}", chrono::Utc::now().format("%Y-%m-%d %H:%M UTC")),
        format!(
            "- {cores} cores ({}), {} GiB, shared by everything measured and the load",
            cpu(),
            memory_gib()
        ),
        format!("- load average at start: {}", load.join(", ")),
        format!("- {}; {}", version("redis-server", "--version"), version("rustc", "--version")),
        format!("- node {}; {}", version("node", "--version"), version("python3", "--version")),
    ]
    .join("\n")
}

fn cpu() -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unnamed".to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory_gib() -> u64 {
    let info = read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    total.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or(0) / 1024 / 1024
}

/// The beginning of a program's version text, or a note that the program is missing.
fn version(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().take(3).collect();
    if words.is_empty() { format!("{program} not found") } else { words.join(" ") }
}
