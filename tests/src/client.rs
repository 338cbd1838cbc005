//! A client of the API, like a medical information system.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::eventually::eventually;
use crate::openapi;

/// One client with its token.
#[derive(Clone)]
pub struct ApiClient {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `null` if there is none.
    pub body: Value,
}

impl ApiClient {
    /// A client of the API at this base URL.
    pub fn new(base: &str, token: &str) -> Self {
        shared::runtime::tls::install_crypto_provider();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build();
        Self {
            http: http.expect("a client without surprises"),
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The same connections with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request that can be changed before it is sent.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// Requests to send the code of an approval again.
    pub async fn resend(&self, patient: Uuid, approval: Uuid) -> Answer {
        Answer::of(self.request(Method::PATCH, &resend_path(patient, approval))).await
    }

    /// Reads a link.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Sends the request, and polls the job to its end.
    pub async fn resend_to_end(&self, patient: Uuid, approval: Uuid) -> Answer {
        let accepted = self.resend(patient, approval).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
        self.end_of(&accepted.location(), Duration::from_secs(30)).await
    }

    /// Polls a job until it has ended.
    pub async fn end_of(&self, href: &str, within: Duration) -> Answer {
        eventually(("end of", href), within, || async {
            let answer = self.get(href).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            (answer.body["data"]["status"] != "pending").then_some(answer)
        })
        .await
    }
}

impl Answer {
    /// Sends a request and reads the answer, which must be in the API's document.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.expect("an answer")
    }

    /// The same if there may be no answer.
    pub async fn try_of(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let (http, request) = request.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = http.execute(request).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        openapi::check(&method, &path, status, &body);
        Ok(Self { status, headers, body })
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The link to the job.
    pub fn location(&self) -> String {
        self.header(LOCATION.as_str()).expect("a Location").to_owned()
    }
}

/// The path of the PATCH.
pub fn resend_path(patient: Uuid, approval: Uuid) -> String {
    format!("/api/patients/{patient}/approvals/{approval}/actions/resend")
}
