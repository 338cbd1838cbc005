//! Sets faults in the sandbox, and creates patients.

use serde_json::Value;

use super::client_request::Person;

/// The control interface of a sandbox.
#[derive(Clone)]
pub struct Control {
    http: reqwest::Client,
    base: String,
}

impl Control {
    /// Of the sandbox at this base URL.
    pub fn new(base: &str) -> Self {
        shared::runtime::tls::install_crypto_provider();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client without surprises");
        Self { http, base: base.to_owned() }
    }

    /// Creates this many patients with an open approval each.
    pub async fn people(&self, count: usize) -> Vec<Person> {
        let url = format!("{}/sandbox/approvals/bulk?count={count}", self.base);
        let made = self.http.post(url).send().await.expect("the sandbox answers");
        made.json().await.expect("a list of patients")
    }

    /// Sets exactly these faults.
    pub async fn faults(&self, faults: &Value) {
        let request = self.http.put(format!("{}/sandbox/faults", self.base)).body(faults.to_string());
        let answer = request.send().await.expect("the sandbox answers");
        assert!(answer.status().is_success(), "faults refused: {}", answer.text().await.unwrap_or_default());
    }

    /// Makes this the registry's answer on an approval.
    pub async fn put_approval(&self, person: &Person, approval: &Value) {
        let (patient, id) = (person.patient_id, person.approval_id);
        let url = format!("{}/sandbox/patients/{patient}/approvals/{id}", self.base);
        let answer = self.http.put(url).body(approval.to_string()).send().await.expect("the sandbox answers");
        assert!(answer.status().is_success(), "approval refused");
    }

    /// Calls of the service so far, by system.
    pub async fn calls(&self) -> Value {
        let answer = self.http.get(format!("{}/sandbox/calls", self.base)).send().await;
        answer.expect("the sandbox answers").json().await.expect("JSON")
    }
}
