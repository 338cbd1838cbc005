//! File descriptors: each connection takes one, and shells and service managers give a process 1,024 unless it asks for
//! more. It may take as many as its hard limit says (setrlimit(2)); more is for who starts it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beside connections of clients: Redis, upstream services, the log, the listener.
const OWN: u64 = 256;

/// Raises the soft limit to the hard one, and says where that is still too little for the connections that are allowed.
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
