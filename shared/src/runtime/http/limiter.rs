//! How many connections a server has, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};

use super::Server;
use crate::telemetry::{LogThrottle, metric};

/// An IPv6 subscriber has a /64 at least (RFC 6177): addresses within one count as one.
const IPV6_PREFIX: u32 = 64;

/// How many connections beyond the limit are answered 503 at once; any more are cut.
const MAX_REFUSALS: usize = 256;

/// Bounds connections; clones share the count.
#[derive(Clone)]
pub(super) struct ConnectionLimiter(Arc<Limiter>);

struct Limiter {
    limit: usize,
    limit_per_address: usize,
    is_trusted: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    counts: Mutex<Counts>,
    open: Gauge,
    refused: [Counter; 2],
}

#[derive(Default)]
struct Counts {
    all: usize,
    refusals: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// How a connection counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// From a trusted proxy.
    Trusted,
    /// From this address.
    From(IpAddr),
    /// Beyond the limit.
    Excess,
}

/// A connection's permit; dropping it frees it.
pub(super) struct ConnectionPermit {
    limiter: ConnectionLimiter,
    kind: Kind,
    is_trusted: bool,
}

impl ConnectionLimiter {
    pub(super) fn new(server: &Server) -> Self {
        let refused = |reason: &'static str| counter!(metric::HTTP_CONNECTIONS_REFUSED, "server" => server.name, "reason" => reason);
        let bound = gauge!(metric::HTTP_BOUND, "server" => server.name, "phase" => "connections");
        bound.set(u32::try_from(server.limits.connections).unwrap_or(u32::MAX));
        Self(Arc::new(Limiter {
            limit: server.limits.connections,
            limit_per_address: server.limits.connections_per_address,
            is_trusted: server.is_trusted.clone(),
            counts: Mutex::default(),
            open: gauge!(metric::HTTP_CONNECTIONS, "server" => server.name),
            refused: [refused("total"), refused("address")],
        }))
    }

    /// A permit for a connection from this address. Beyond the limits it is a permit to refuse (`is_excess`), or `None`
    /// if even those are used up.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<ConnectionPermit> {
        let is_trusted = (self.0.is_trusted)(peer);
        let mut counts = self.lock();
        let kind = if is_trusted { Kind::Trusted } else { Kind::From(counted_as(peer)) };
        let kind = match self.refusal(&counts, kind) {
            None => kind,
            Some(reason) => {
                self.note_refusal(reason);
                if counts.refusals >= MAX_REFUSALS {
                    return None;
                }
                Kind::Excess
            }
        };
        counts.add(kind);
        self.0.open.increment(1);
        Some(ConnectionPermit { limiter: self.clone(), kind, is_trusted })
    }

    /// Which limit is reached, if any: the index of its counter.
    fn refusal(&self, counts: &Counts, kind: Kind) -> Option<usize> {
        if counts.all >= self.0.limit {
            return Some(0);
        }
        let Kind::From(address) = kind else { return None };
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        (here >= self.0.limit_per_address).then_some(1)
    }

    fn note_refusal(&self, reason: usize) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        self.0.refused[reason].increment(1);
        if let Some(suppressed) = THROTTLE.allow() {
            let bound = ["total", "address"][reason];
            tracing::warn!(bound, suppressed, "connection refused: too many are open");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Excess => self.refusals += 1,
            Kind::Trusted => self.all += 1,
            Kind::From(address) => {
                self.all += 1;
                *self.by_address.entry(address).or_default() += 1;
            }
        }
    }

    fn remove(&mut self, kind: Kind) {
        let Kind::From(address) = kind else {
            let count = if kind == Kind::Excess { &mut self.refusals } else { &mut self.all };
            *count -= 1;
            return;
        };
        self.all -= 1;
        match self.by_address.get_mut(&address) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(self.by_address.remove(&address)),
        }
    }
}

impl ConnectionPermit {
    /// Whether the connection is beyond the limit.
    pub(super) fn is_excess(&self) -> bool {
        self.kind == Kind::Excess
    }

    /// Whether it comes from a trusted proxy.
    pub(super) fn is_trusted(&self) -> bool {
        self.is_trusted
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.lock().remove(self.kind);
        self.limiter.0.open.decrement(1);
    }
}

fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> IPV6_PREFIX << IPV6_PREFIX).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::health::Readiness;
    use crate::runtime::http::HttpLimits;

    fn limiter(is_trusted: fn(IpAddr) -> bool) -> ConnectionLimiter {
        let limits = HttpLimits { connections: 3, connections_per_address: 2, ..HttpLimits::default() };
        let server = Server::new("test", limits, Readiness::default());
        ConnectionLimiter::new(&Server { is_trusted: Arc::new(is_trusted), ..server })
    }

    fn admitted(limiter: &ConnectionLimiter, address: [u8; 4]) -> Option<ConnectionPermit> {
        limiter.admit(address.into()).filter(|permit| !permit.is_excess())
    }

    #[test]
    fn one_address_does_not_shut_out_the_others() {
        let (limiter, one, other) = (limiter(|_| false), [127, 0, 0, 1], [127, 0, 0, 2]);
        let held = (admitted(&limiter, one).unwrap(), admitted(&limiter, one).unwrap());
        assert!(admitted(&limiter, one).is_none());
        let last = admitted(&limiter, other).unwrap();
        assert!(admitted(&limiter, other).is_none(), "all permits are taken");
        drop((held, last));
        assert!(limiter.lock().by_address.is_empty());
        assert!(admitted(&limiter, one).is_some());
    }

    #[test]
    fn a_trusted_proxy_is_bounded_by_the_total_only() {
        let (limiter, proxy) = (limiter(|_| true), [10, 0, 0, 1]);
        let _held: Vec<_> = (0..3).map(|_| admitted(&limiter, proxy).unwrap()).collect();
        assert!(admitted(&limiter, proxy).is_none());
    }

    #[test]
    fn connections_too_many_are_answered_up_to_a_bound_of_their_own() {
        let (limiter, one) = (limiter(|_| false), IpAddr::from([127, 0, 0, 1]));
        let held: Vec<_> = (0..2 + MAX_REFUSALS).map(|_| limiter.admit(one).unwrap()).collect();
        assert!(limiter.admit(one).is_none());
        drop(held);
        let counts = limiter.lock();
        assert_eq!((counts.all, counts.refusals), (0, 0));
    }

    #[test]
    fn a_subscribers_addresses_count_as_one() {
        let address = |text: &str| counted_as(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::2:3"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
