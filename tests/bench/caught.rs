//! Confines the panic of one measurement to its own figure.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

/// The result, or the message of the panic.
pub(crate) async fn caught<T>(measured: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(measured).catch_unwind().await.map_err(|panic| words_of(&*panic))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_its_own_figure_and_says_why() {
        let broken: Result<(), String> = caught(async { panic!("no {}", "wrk") }).await;
        assert_eq!(broken, Err("no wrk".to_owned()));
        assert_eq!(caught(async { 3 }).await, Ok(3));
    }
}
