//! Carries out a fault on one request.

use std::{convert::Infallible, future::pending, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    connection::Connection,
    faults::{Action, Kind},
};

/// Whose data `other_patient` puts in; a phone no person has, so that a message to it is a proof.
const STRANGER: &str = "0ddba11a-0000-4000-8000-000000000000";
const STRANGER_PHONE: &str = "+380200009999";

/// Largest answer of ours that is taken apart; all are far smaller.
const MAX_ANSWER: usize = 1 << 20;

pub(crate) async fn misbehave(action: Action, request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    match action.kind {
        Kind::Drip(_) | Kind::OtherPatient | Kind::NullPhone | Kind::Deduplicate => {
            alter(&action.kind, next.run(request).await).await
        }
        Kind::Delay(ms) if !action.accept => {
            sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        kind => {
            let real = if action.accept { Some(next.run(request).await) } else { None };
            instead(kind, real, connection).await
        }
    }
}

/// What is answered instead of, or long after, the real answer.
async fn instead(kind: Kind, real: Option<Response>, connection: Option<Connection>) -> Response {
    match kind {
        Kind::Status { status, retry_after, body, content_type } => {
            with_status(status, retry_after, body, content_type)
        }
        Kind::HugeBody(bytes) => (json_type(), huge(bytes)).into_response(),
        Kind::Redirect(url) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, url)]).into_response(),
        Kind::Html => with_status(StatusCode::OK, None, Some(PAGE.to_owned()), Some(HTML)),
        Kind::Garbage => (json_type(), r#"{"data":{"id":"#).into_response(),
        Kind::Delay(ms) => {
            sleep(Duration::from_millis(ms)).await;
            real.unwrap_or_default()
        }
        Kind::Cut => {
            if let Some(connection) = connection {
                connection.cut();
            }
            pending().await
        }
        _ => pending().await,
    }
}

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PAGE: &str = "<!doctype html><title>502</title><h1>Bad gateway</h1>";

fn json_type() -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]
}

fn with_status(
    status: StatusCode,
    retry_after: Option<u64>,
    body: Option<String>,
    content_type: Option<HeaderValue>,
) -> Response {
    let body = body.unwrap_or_else(|| format!(r#"{{"error":{{"message":"Injected fault: {status}"}}}}"#));
    let mut response = (status, json_type(), body).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Valid JSON of about so many bytes, made while it is sent.
fn huge(bytes: u64) -> Body {
    const CHUNK: &[u8] = &[b'x'; 16 * 1024];
    let chunks = usize::try_from(bytes / CHUNK.len() as u64).unwrap_or(usize::MAX);
    let filling = std::iter::repeat_n(CHUNK, chunks);
    let parts = std::iter::once(&b"{\"data\":\""[..]).chain(filling).chain(std::iter::once(&b"\"}"[..]));
    Body::from_stream(stream::iter(parts.map(|part| Ok::<_, Infallible>(Bytes::from_static(part)))))
}

/// The real answer, spoilt.
async fn alter(kind: &Kind, real: Response) -> Response {
    let status = real.status();
    let body = to_bytes(real.into_body(), MAX_ANSWER).await.unwrap_or_default();
    let body = match kind {
        Kind::Drip(ms) => drip(body, Duration::from_millis(*ms)),
        Kind::OtherPatient => edit(&body, put_stranger),
        Kind::NullPhone => edit(&body, |data| data["urgent"]["phone_number"] = Value::Null),
        _ => body.into(),
    };
    (status, json_type(), body).into_response()
}

fn drip(body: Bytes, pause: Duration) -> Body {
    Body::from_stream(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        sleep(pause).await;
        Some((Ok::<_, Infallible>(rest.split_to(1)), rest))
    }))
}

/// Changes `data` of an answer; an answer without it, such as a 404, stays as it is.
fn edit(body: &Bytes, change: impl FnOnce(&mut Value)) -> Body {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer.get_mut("data") {
        Some(data) if data.is_object() => change(data),
        _ => return body.clone().into(),
    }
    answer.to_string().into()
}

/// An approval keeps its id and gets patient and phone of another; a person gets another id.
fn put_stranger(data: &mut Value) {
    if data.get("patient_id").is_some() {
        data["patient_id"] = STRANGER.into();
        data["urgent"]["phone_number"] = STRANGER_PHONE.into();
    } else {
        data["id"] = STRANGER.into();
    }
}
