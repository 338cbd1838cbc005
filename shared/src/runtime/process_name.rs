//! A name for this process, unique among all that work on one queue.

use crate::domain::ids::JobId;

/// A unique name: host, process number, and a random part, because a restart may reuse the number.
pub fn unique_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(char::is_ascii_graphic).filter(|c| *c != '|').take(48).collect();
    let host = if host.is_empty() { "unnamed" } else { &host };
    format!("{host}-{}-{}", std::process::id(), &JobId::generate().as_str()[..8])
}
