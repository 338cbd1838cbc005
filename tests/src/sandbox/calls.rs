//! Counts of the service's calls to each system, for tests of caching, retries and concurrency.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use serde_json::{Map, Value, json};

use super::target::Target;

/// Tokens counted by name; a flood of made-up ones must not fill the memory.
const COUNTED_TOKENS: usize = 10_000;

#[derive(Default)]
struct Gauge {
    total: AtomicU64,
    in_flight: AtomicU64,
    peak: AtomicU64,
}

/// Calls so far, for each target and for each introspected token.
#[derive(Default)]
pub(crate) struct Calls {
    gauges: [Gauge; Target::ALL.len()],
    tokens: Mutex<BTreeMap<String, u64>>,
}

/// A call that is being served; dropping it, also when the caller goes away, ends it.
pub(crate) struct OpenCall<'a>(&'a Gauge);

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Calls {
    pub(crate) fn enter(&self, target: Target) -> OpenCall<'_> {
        let gauge = &self.gauges[target.index()];
        gauge.total.fetch_add(1, Relaxed);
        let now = gauge.in_flight.fetch_add(1, Relaxed) + 1;
        gauge.peak.fetch_max(now, Relaxed);
        OpenCall(gauge)
    }

    pub(crate) fn introspected(&self, token: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = tokens.get_mut(token) {
            *count += 1;
        } else if tokens.len() < COUNTED_TOKENS {
            tokens.insert(token.to_owned(), 1);
        }
    }

    pub(crate) fn reset(&self) {
        for gauge in &self.gauges {
            gauge.total.store(0, Relaxed);
            gauge.peak.store(gauge.in_flight.load(Relaxed), Relaxed);
        }
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn report(&self) -> Value {
        let mut report = Map::new();
        for target in Target::ALL {
            let Gauge { total, in_flight, peak } = &self.gauges[target.index()];
            let counts = json!({
                "total": total.load(Relaxed), "in_flight": in_flight.load(Relaxed), "peak": peak.load(Relaxed),
            });
            report.insert(target.name().to_owned(), counts);
        }
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
        report["introspection"]["tokens"] = json!(tokens);
        Value::Object(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_is_the_most_calls_open_at_once() {
        let calls = Calls::default();
        let first = calls.enter(Target::Sms);
        drop(calls.enter(Target::Sms));
        drop(first);
        drop(calls.enter(Target::Sms));
        assert_eq!(calls.report()["sms"], json!({"total": 3, "in_flight": 0, "peak": 2}));
    }

    #[test]
    fn tokens_are_counted_one_by_one_until_reset() {
        let calls = Calls::default();
        calls.introspected("a");
        calls.introspected("a");
        calls.introspected("b");
        assert_eq!(calls.report()["introspection"]["tokens"], json!({"a": 2, "b": 1}));
        calls.reset();
        assert_eq!(calls.report()["introspection"]["tokens"], json!({}));
    }
}
