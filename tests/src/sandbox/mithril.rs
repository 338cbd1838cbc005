//! `GET /mithril/admin/tokens/{token}/verify`: the same tokens as introspection knows, told as the platform's own token
//! service tells them. Of brokers' clients it wants the key of the system they work through; it does not look at the kind
//! of the token.

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use serde_json::{Map, Value, json};

use super::{refusal::Refusal, state::Shared, tokens::API_KEYS};

/// The data of a valid token; any other is refused.
pub(crate) async fn verify(
    State(sandbox): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let Some(known) = sandbox.tokens.known(&token) else {
        return Err(Refusal::not_found("Token is not found"));
    };
    let known: Value = serde_json::from_slice(&known).unwrap_or_default();
    if known["active"] != true {
        return Err(Refusal::unauthorized("Token expired or client approval was revoked."));
    }
    let mut details =
        json!({"client_id": known["client_id"], "scope": known["scope"], "grant_type": "password"});
    if known["access_type"] == "BROKER" {
        details["broker_scope"] = json!(broker_scope(&headers)?);
    }
    Ok(Json(json!({"data": told(&token, &known, details), "meta": {"code": 200, "type": "object"}})))
}

fn told(token: &str, known: &Value, details: Value) -> Map<String, Value> {
    let name = known.get("name").cloned().unwrap_or(json!("access_token"));
    let members = [
        ("id", json!(token)),
        ("name", name),
        ("value", json!(token)),
        ("expires_at", known["exp"].clone()),
        ("user_id", known["sub"].clone()),
        ("details", details),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The scopes of the system that the key belongs to.
fn broker_scope(headers: &HeaderMap) -> Result<&'static str, Refusal> {
    let key = headers.get("api-key").ok_or_else(|| Refusal::invalid("API-KEY header required."))?;
    let known = API_KEYS.iter().find(|(known, _)| key == known);
    known.map(|(_, scope)| *scope).ok_or_else(|| Refusal::invalid("API-KEY header is invalid."))
}
