//! `POST /receipts/{channel}`: a gateway, or what translates for it, says what became of a message. Signed, for whoever
//! may call this decides what operators believe. What is kept is a state under the gateway's own name for the message.

mod body;
mod signature;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use shared::domain::clock;
use shared::queue::Queue;
use shared::receipt::MessageStates;
use shared::settings::ReceiptConfig;

use crate::admission::Turn;
use crate::error::ApiError;
use crate::openapi::{ReceiptOutcomes, ReceiptToKeep};
use crate::state::Api;
use crate::verifications::read_body;
use signature::Signatures;

/// Channels whose gateways may say something over HTTP.
const CHANNELS: [&str; 4] = ["http", "smpp", "turbosms", "twilio"];

/// Takes receipts of those who know a secret.
pub(crate) struct ReceiptDesk {
    signatures: Signatures,
    states: MessageStates,
}

impl ReceiptDesk {
    pub(crate) fn new(config: &ReceiptConfig, queue: Queue) -> Self {
        Self { signatures: Signatures::new(&config.secrets), states: MessageStates::new(queue) }
    }
}

/// Tells what became of a message.
///
/// Signed with `X-Resend-Signature: t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 under `RESEND_RECEIPT_SECRET` of
/// `<t>.<channel>.<body>`; `t` may be five minutes off. States move forward only, so a receipt may be repeated.
#[utoipa::path(
    post, path = "/receipts/{channel}", tag = "receipts", operation_id = "keepReceipt", request_body = ReceiptToKeep,
    params(
        ("channel" = String, Path, description = "http, smpp, turbosms or twilio", example = "http"),
        ("X-Resend-Signature" = Option<String>, Header, nullable = false, description = "t=<Unix seconds>,v1=<hex>"),
        ("X-Request-Id" = Option<String>, Header, nullable = false, description = "1 to 128 visible characters, echoed"),
    ),
    responses(ReceiptOutcomes<'_>), security(()),
)]
pub(crate) async fn keep(
    State(api): State<Arc<Api>>,
    channel: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let desk = api.receipts.as_ref().ok_or(ApiError::RouteNotFound)?;
    let channel = channel.ok().and_then(|Path(name)| CHANNELS.into_iter().find(|known| *known == name));
    let channel = channel.ok_or(ApiError::RouteNotFound)?;
    let (parts, body) = request.into_parts();
    let turn = Turn::of(&parts.extensions).ok_or(ApiError::Internal)?;
    let body = {
        let _place = api.receipt_bodies.enter().ok_or(ApiError::BUSY)?;
        turn.wait(api.server.body, read_body(body, api.server.body)).await?
    };
    if !desk.signatures.hold(&parts.headers, channel, &body, clock::now_ms() / 1_000) {
        return Err(ApiError::SignatureWrong);
    }
    let receipt = body::receipt(&body)?;
    let kept = desk.states.advance(channel, &receipt.message_id, receipt.state).await;
    kept.map_err(|error| api.queue_trouble.refuse(&error.into()))?;
    Ok(StatusCode::NO_CONTENT)
}
