//! When keys are fetched, and what happens when they cannot be. The issuer is a socket of ours; the clock is the test's.

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::domain::ids::RequestId;
use tokio::net::TcpListener;
use tokio::time::{advance, pause, resume};

use super::*;

/// An issuer that counts how often it is asked; `None` is trouble.
#[derive(Clone, Default)]
struct Publisher {
    names: Arc<StdMutex<Option<Vec<&'static str>>>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    async fn start(names: &[&'static str]) -> (Self, KeySet) {
        shared::runtime::tls::install_crypto_provider();
        let issuer = Self::default();
        issuer.publish(Some(names));
        let (listener, answers) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), issuer.clone());
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let routes = Router::new().route("/jwks", get(async move || answers.answer()));
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        (issuer, KeySet::new(url.parse().unwrap()).unwrap())
    }

    fn publish(&self, names: Option<&[&'static str]>) {
        *self.names.lock().unwrap() = names.map(<[_]>::to_vec);
    }

    fn answer(&self) -> (StatusCode, String) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let Some(names) = self.names.lock().unwrap().clone() else {
            return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
        };
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = |name: &&str| json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": x});
        (StatusCode::OK, json!({"keys": names.iter().map(key).collect::<Vec<Value>>()}).to_string())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn header(kid: &str) -> Header {
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}).to_string();
    Header::read(&format!("{}.e30.e30", BASE64_URL_SAFE_NO_PAD.encode(header))).unwrap()
}

fn request_id() -> RequestId {
    "req-1".parse().unwrap()
}

fn origin(request_id: &RequestId) -> Origin<'_> {
    Origin { request_id, trace: None, address: [127, 0, 0, 1].into(), is_from_proxy: false }
}

/// Whether the key is known; `None` where nobody can say.
async fn known(keys: &KeySet, id: &str) -> Option<bool> {
    let request_id = request_id();
    keys.fitting(&header(id), origin(&request_id)).await.ok().map(|keys| !keys.is_empty())
}

/// Lets time pass without the sockets noticing: with a clock that stands still they would time out at once.
async fn pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

#[tokio::test]
async fn keys_are_fetched_once_and_by_one_however_many_need_them() {
    let (issuer, keys) = Publisher::start(&["a"]).await;
    let uses = (0..100).map(|_| known(&keys, "a"));
    assert!(futures_util::future::join_all(uses).await.iter().all(|known| *known == Some(true)));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_name_nobody_knows_leads_to_one_fetch_in_ten_seconds() {
    let (issuer, keys) = Publisher::start(&["a"]).await;
    assert_eq!(known(&keys, "a").await, Some(true));
    for id in ["b", "c", "d"] {
        assert_eq!(known(&keys, id).await, Some(false));
    }
    assert_eq!(issuer.asked(), 1);
    issuer.publish(Some(&["a", "b"]));
    pass(Duration::from_secs(10)).await;
    assert_eq!(known(&keys, "b").await, Some(true));
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_forgotten_within_five_minutes() {
    let (issuer, keys) = Publisher::start(&["a"]).await;
    assert_eq!(known(&keys, "a").await, Some(true));
    issuer.publish(Some(&["b"]));
    pass(Duration::from_mins(5)).await;
    assert_eq!(known(&keys, "a").await, Some(false));
}

#[tokio::test]
async fn while_keys_were_never_fetched_nobody_can_say() {
    let (issuer, keys) = Publisher::start(&[]).await;
    assert_eq!(known(&keys, "a").await, None, "a set without keys is none");
    issuer.publish(None);
    pass(Duration::from_secs(1)).await;
    assert_eq!((known(&keys, "a").await, known(&keys, "a").await), (None, None));
    assert_eq!(issuer.asked(), 2, "one try a second");
    issuer.publish(Some(&["a"]));
    pass(Duration::from_secs(1)).await;
    assert_eq!(known(&keys, "a").await, Some(true));
}

#[tokio::test]
async fn known_keys_serve_for_an_hour_while_the_issuer_is_away() {
    let (issuer, keys) = Publisher::start(&["a"]).await;
    assert_eq!(known(&keys, "a").await, Some(true));
    issuer.publish(None);
    pass(Duration::from_mins(59)).await;
    assert_eq!((known(&keys, "a").await, known(&keys, "b").await), (Some(true), None));
    pass(Duration::from_mins(1)).await;
    assert_eq!(known(&keys, "a").await, None);
}

#[tokio::test]
async fn an_attempt_is_noted_also_where_who_caused_it_went_away() {
    let (issuer, keys) = Publisher::start(&["a"]).await;
    let (header, request_id) = (header("invented"), request_id());
    let was_asked = async {
        while issuer.asked() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = was_asked => {}
        _ = keys.fitting(&header, origin(&request_id)) => panic!("the answer cannot be there before the question"),
    }
    assert_eq!(known(&keys, "another").await, Some(false));
    assert_eq!(issuer.asked(), 1);
}
