//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::ServerLimits;

/// An IPv6 subscriber has a /64 at least (RFC 6177): addresses within one count as one.
const IPV6_PREFIX: u32 = 64;

/// Seats for connections; clones share them.
#[derive(Clone)]
pub(super) struct Seats {
    most: usize,
    most_per_address: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's seat; dropping it frees it.
pub(super) struct Seat {
    among: Seats,
    address: IpAddr,
}

impl Seats {
    pub(super) fn new(limits: &ServerLimits) -> Self {
        let (most, most_per_address) = (limits.connections, limits.connections_per_address);
        Self { most, most_per_address, taken: Arc::default() }
    }

    /// A seat for a connection from there, if one is free.
    pub(super) fn take(&self, address: IpAddr) -> Option<Seat> {
        let address = counted_as(address);
        let mut taken = self.lock();
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all >= self.most || here >= self.most_per_address {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, here + 1);
        Some(Seat { among: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.among.lock();
        taken.all -= 1;
        match taken.by_address.get_mut(&self.address) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(taken.by_address.remove(&self.address)),
        }
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

    fn seats() -> Seats {
        Seats::new(&ServerLimits { connections: 3, connections_per_address: 2, ..ServerLimits::default() })
    }

    #[test]
    fn one_address_does_not_shut_out_the_others() {
        let (seats, one, other) = (seats(), [127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let taken = (seats.take(one).unwrap(), seats.take(one).unwrap());
        assert!(seats.take(one).is_none());
        let last = seats.take(other).unwrap();
        assert!(seats.take(other).is_none(), "all seats are taken");
        drop((taken, last));
        assert!(seats.lock().by_address.is_empty());
        assert!(seats.take(one).is_some());
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
