//! Runs before every simulated system: counts the call and applies a matching fault, if any.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    faults::{Kind, RequestFacts, SelectedFault},
    misbehave::misbehave,
    otp::{GatewayRefuses, LimitSeconds},
    refusal::Refusal,
    sms::Deduplicate,
    state::Shared,
    target::Target,
};

/// The largest request body looked into for a reference.
const MAX_BODY: usize = 1 << 20;

pub(crate) async fn intercept(
    State((sandbox, target)): State<(Shared, Target)>,
    request: Request,
    next: Next,
) -> Response {
    let _call = sandbox.calls.enter(target);
    tracing::debug!(target = target.name(), method = %request.method(), "called");
    if !sandbox.faults.armed(target) {
        return next.run(request).await;
    }
    match look_and_pick(&sandbox, target, request).await {
        Ok((SelectedFault { action: None, .. }, request)) => next.run(request).await,
        Ok((SelectedFault { action: Some(action), .. }, request)) => misbehave(action, request, next).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Chooses the fault; gives the request back whole, marked with the rules that hold for it.
async fn look_and_pick(
    sandbox: &Shared,
    target: Target,
    request: Request,
) -> Result<(SelectedFault, Request), Refusal> {
    let (request, reference) = match target {
        Target::Sms if sandbox.faults.ask_for_reference() => read_reference(request).await?,
        _ => (request, None),
    };
    let seen = RequestFacts { target, path: request.uri().path(), reference: reference.as_deref() };
    let picked = sandbox.faults.pick(&seen, rand::random::<f64>);
    let mut request = request;
    for switch in &picked.switches {
        match switch {
            Kind::Deduplicate => _ = request.extensions_mut().insert(Deduplicate),
            Kind::LimitSeconds(seconds) => _ = request.extensions_mut().insert(LimitSeconds(*seconds)),
            Kind::GatewayRefuses => _ = request.extensions_mut().insert(GatewayRefuses),
            _ => {}
        }
    }
    Ok((picked, request))
}

#[derive(Deserialize)]
struct Referring {
    reference: Option<String>,
}

async fn read_reference(request: Request) -> Result<(Request, Option<String>), Refusal> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.map_err(|error| Refusal::bad_request(error.to_string()))?;
    let reference = serde_json::from_slice::<Referring>(&body).ok().and_then(|read| read.reference);
    Ok((Request::from_parts(head, Body::from(body)), reference))
}
