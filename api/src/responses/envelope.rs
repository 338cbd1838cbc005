//! The platform's envelope: `data` or `error`, and `meta` (section 5 of the contract).

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;
use shared::domain::ids::{IdempotencyKey, RequestId};
use shared::domain::outcome::{Reason, error_type};
use utoipa::ToSchema;

use super::error::ApiError;
use super::schemas::{ErrorType, ObjectType, ReasonWord};
use crate::request::context::RequestContext;
use crate::request::url::RequestUrl;
use crate::request::violation::Violation;

/// Buffer size that fits a usual answer without growing, in bytes.
const USUAL_SIZE: usize = 768;

/// Header capacity that fits a usual answer, so that the map is allocated once.
const USUAL_HEADERS: usize = 12;

/// An answer with its data.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Success<'a, T> {
    data: T,
    meta: Meta<'a>,
}

/// An answer with an error.
#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure<'a> {
    error: ErrorView<'a>,
    meta: Meta<'a>,
}

/// An error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorView<'a> {
    #[serde(rename = "type")]
    #[schema(value_type = ErrorType, example = "access_denied")]
    kind: &'static str,
    /// The cause, for programs.
    #[schema(value_type = ReasonWord, example = "token_invalid")]
    reason: Reason,
    /// A plain sentence, for people.
    #[schema(example = "Invalid access token")]
    message: &'a str,
    /// What is wrong with the request, entry by entry.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    invalid: &'a [Violation],
}

/// Metadata of the answer.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meta<'a> {
    /// The status of the answer.
    #[schema(minimum = 200, maximum = 599)]
    code: u16,
    /// The requested URL.
    #[schema(value_type = String, example = "http://example.com/resource")]
    url: &'a RequestUrl,
    #[serde(rename = "type")]
    #[schema(value_type = ObjectType, inline)]
    kind: &'static str,
    /// As in `X-Request-Id`.
    #[schema(value_type = String, min_length = 1, max_length = 128, example = "req-adasdoijasdojsda")]
    request_id: &'a RequestId,
    /// The idempotency key of the request, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    idempotency_key: Option<&'a IdempotencyKey>,
}

impl<'a> Meta<'a> {
    fn new(status: StatusCode, context: &'a RequestContext) -> Self {
        let idempotency_key = context.idempotency_key.as_ref();
        Self {
            code: status.as_u16(),
            url: &context.url,
            kind: "object",
            request_id: &context.request_id,
            idempotency_key,
        }
    }
}

/// An answer with `data`.
pub(crate) fn success<T: Serialize>(
    status: StatusCode,
    data: T,
    context: &RequestContext,
) -> Result<Response, ApiError> {
    let mut response = Response::new(Body::from(success_text(status, data, context)?));
    *response.status_mut() = status;
    response.headers_mut().reserve(USUAL_HEADERS);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The same, as text only.
pub(crate) fn success_text<T: Serialize>(
    status: StatusCode,
    data: T,
    context: &RequestContext,
) -> Result<Vec<u8>, ApiError> {
    json(&Success { data, meta: Meta::new(status, context) }).ok_or(ApiError::Internal)
}

/// Gives a refusal its body; other answers pass unchanged. The answer to a HEAD has the length of the body but not the
/// body: sending it over HTTP/2 would be a protocol error.
pub(crate) fn complete(mut response: Response, context: &RequestContext, is_head: bool) -> Response {
    let Some(error) = response.extensions().get::<ApiError>() else {
        return response;
    };
    let status = error.status();
    let view = ErrorView {
        kind: error_type(status.as_u16()),
        reason: error.reason(),
        message: &error.message(),
        invalid: error.violations(),
    };
    let body = json(&Failure { error: view, meta: Meta::new(status, context) }).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if !is_head {
        *response.body_mut() = Body::from(body);
    }
    response
}

fn json(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(USUAL_SIZE);
    serde_json::to_writer(&mut text, value).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::extract::Request;
    use axum::response::IntoResponse;
    use serde_json::json;

    use super::*;
    use crate::auth::AuthError;
    use crate::request::client_address::ClientAddress;

    fn context(key: Option<&str>) -> RequestContext {
        let mut request =
            Request::builder().uri("/resource").header("host", "example.com").header("x-request-id", "req-1");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        RequestContext::read(&request.body(Body::empty()).unwrap(), None, ClientAddress::for_tests())
    }

    async fn text(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn success_is_data_and_meta_in_the_contracts_order() {
        let response = success(StatusCode::ACCEPTED, json!({"status": "pending"}), &context(None)).unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(
            text(response).await,
            r#"{"data":{"status":"pending"},"meta":{"code":202,"url":"http://example.com/resource","type":"object","request_id":"req-1"}}"#
        );
    }

    #[tokio::test]
    async fn an_idempotency_key_is_echoed() {
        let response = success(StatusCode::OK, 1, &context(Some("k"))).unwrap();
        assert!(text(response).await.ends_with(r#""request_id":"req-1","idempotency_key":"k"}}"#));
    }

    #[tokio::test]
    async fn an_error_is_type_reason_message_and_meta() {
        let response =
            complete(ApiError::Auth(AuthError::InvalidToken).into_response(), &context(None), false);
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            text(response).await,
            r#"{"error":{"type":"access_denied","reason":"token_invalid","message":"Invalid access token"},"meta":{"code":401,"url":"http://example.com/resource","type":"object","request_id":"req-1"}}"#
        );
    }

    #[tokio::test]
    async fn the_answer_to_a_head_has_the_length_of_the_body_alone() {
        let error = || ApiError::JobNotFound.into_response();
        let (whole, head) =
            (complete(error(), &context(None), false), complete(error(), &context(None), true));
        assert_eq!(head.headers(), whole.headers());
        assert_eq!(text(head).await, "");
    }
}
