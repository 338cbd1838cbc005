//! The sandbox itself, over a real socket: what the other tests rely on.

mod faults;
mod inbox;
mod program;
mod registry;
mod sms;
mod tokens;

use std::{sync::Once, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tests::sandbox::{Options, Running, start};

/// A sandbox of its own for each test, and a client to it.
struct TestSandbox {
    sandbox: Running,
    client: Client,
}

impl TestSandbox {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        Self { sandbox: start(options).await.unwrap(), client: client() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    async fn read(&self, path: &str) -> Value {
        json_of(self.get(path).send().await.unwrap()).await
    }

    /// Puts these faults in force.
    async fn break_with(&self, faults: Value) {
        let answer = self.request(Method::PUT, "/sandbox/faults").json(&faults).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    fn sms(&self, to: &str, reference: &str) -> RequestBuilder {
        let order = json!({"to": to, "from": "eHealth", "text": "Код: 123456", "reference": reference});
        self.request(Method::POST, "/sms/messages")
            .bearer_auth("sms-token")
            .header("Idempotency-Key", reference)
            .header("X-Request-Id", "req-1")
            .json(&order)
    }

    fn registry(&self, path: &str) -> RequestBuilder {
        self.get(&format!("/registry{path}")).bearer_auth("registry-token")
    }
}

/// Follows no redirects, so that a test sees them.
fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap());
    let unfollowed = reqwest::redirect::Policy::none();
    Client::builder().timeout(Duration::from_secs(10)).redirect(unfollowed).build().unwrap()
}

async fn json_of(response: Response) -> Value {
    response.json().await.unwrap()
}
