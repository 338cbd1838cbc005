//! How many lookups at a provider are in progress. Unknown tokens cost their sender nothing, so without a limit one
//! client could make us ask the authorization server about thousands of them at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most lookups at once.
const MAX_QUESTIONS: usize = 256;

/// Most lookups at once for one client address.
const MAX_PER_ADDRESS: usize = 32;

/// Lookups in progress; clones share the count.
#[derive(Debug, Clone, Default)]
pub(super) struct QuestionLimit(Arc<Mutex<UnderWay>>);

#[derive(Debug, Default)]
struct UnderWay {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A counted lookup; dropping it ends it, including when the client disconnects.
pub(super) struct QuestionPermit {
    limit: QuestionLimit,
    address: IpAddr,
}

impl QuestionLimit {
    /// A permit for one lookup on behalf of this address, if both limits allow it.
    pub(super) fn acquire(&self, address: IpAddr) -> Option<QuestionPermit> {
        let address = network(address);
        let mut under_way = self.under_way();
        let of_address = under_way.by_address.get(&address).copied().unwrap_or_default();
        if under_way.total >= MAX_QUESTIONS || of_address >= MAX_PER_ADDRESS {
            return None;
        }
        under_way.total += 1;
        under_way.by_address.insert(address, of_address + 1);
        Some(QuestionPermit { limit: self.clone(), address })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QuestionPermit {
    fn drop(&mut self) {
        let mut under_way = self.limit.under_way();
        under_way.total -= 1;
        let left = under_way.by_address.get(&self.address).map_or(0, |count| count - 1);
        if left == 0 {
            under_way.by_address.remove(&self.address);
        } else {
            under_way.by_address.insert(self.address, left);
        }
    }
}

/// What counts as one address: with IPv6 the /64, the least that a client is given.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn an_address_has_32_questions_and_its_place_is_free_when_one_ends() {
        let limit = QuestionLimit::default();
        let mut permits: Vec<_> = (0..32).map(|_| limit.acquire(address(1)).unwrap()).collect();
        assert!(limit.acquire(address(1)).is_none());
        assert!(limit.acquire(address(2)).is_some());
        permits.pop();
        assert!(limit.acquire(address(1)).is_some());
    }

    #[test]
    fn all_addresses_have_256_questions() {
        let limit = QuestionLimit::default();
        let permits: Vec<_> = (0..256).map(|number| limit.acquire(address(number)).unwrap()).collect();
        assert!(limit.acquire(address(1_000)).is_none());
        drop(permits);
        assert!(limit.acquire(address(1_000)).is_some());
        assert!(limit.under_way().by_address.is_empty(), "an address that is done is forgotten");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        let (limit, of_network) =
            (QuestionLimit::default(), |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]));
        let _permits: Vec<_> = (0..32).map(|last| limit.acquire(of_network(last)).unwrap()).collect();
        assert!(limit.acquire(of_network(99)).is_none());
        assert!(limit.acquire(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1])).is_some());
    }
}
