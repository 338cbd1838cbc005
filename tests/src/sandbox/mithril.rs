//! `GET /mithril/admin/tokens/{token}/verify`: the same tokens as introspection knows, told as the platform's own token
//! service tells them.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::{refusal::Refusal, state::Shared};

/// What is known of a token that is in force; any other is refused.
pub(crate) async fn verify(
    State(sandbox): State<Shared>,
    Path(token): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let known: Value = serde_json::from_slice(&sandbox.tokens.introspect(&token)).unwrap_or_default();
    if known["active"] != true {
        return Err(Refusal::unauthorized("Token expired or client approval was revoked."));
    }
    Ok(Json(json!({"data": {
        "id": token, "name": "access_token", "value": token, "expires_at": known["exp"], "user_id": known["sub"],
        "details": {"client_id": known["client_id"], "scope": known["scope"]},
    }})))
}
