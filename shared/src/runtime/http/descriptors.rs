//! File descriptors: each connection takes one, and by default shells and service managers allow a process 1,024. A
//! process may raise that to its hard limit (setrlimit(2)); the hard limit itself is the service manager's.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for other uses than client connections: Redis, upstream services, the log, the listener.
const OWN: u64 = 256;

/// Raises the soft limit to the hard one, and logs if that is still too low for the connections that are allowed.
pub(super) fn raise_limit(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let reached = setrlimit(Resource::Nofile, raised).map_or(limit.current, |()| limit.maximum);
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OWN);
    if let Some(reached) = reached.filter(|reached| *reached < wanted) {
        tracing::warn!(
            reached,
            wanted,
            "too few file descriptors for the connections allowed: raise the hard limit"
        );
    }
}
