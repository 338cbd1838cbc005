//! All routes of the sandbox.

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{delete, get, patch, post, put},
};

use super::{
    control, fault_routes, inbox_routes, intercept::intercept, introspection::introspect, jwks_routes,
    mithril, otp, pages, refusal::Refusal, registry, sms, state::Shared, target::Target, turbosms, twilio,
};

pub(crate) fn routes(sandbox: &Shared) -> Router {
    upstreams(sandbox)
        .merge(controls())
        .route("/", get(pages::start))
        .route("/inbox", get(pages::inbox).delete(inbox_routes::clear))
        .route("/inbox.json", get(inbox_routes::list))
        .route("/inbox/events", get(inbox_routes::events))
        .route("/healthz", get(async || "ok"))
        .fallback(async || Refusal::route_unknown())
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .with_state(sandbox.clone())
}

/// What the service talks to; counted, and subject to faults.
fn upstreams(sandbox: &Shared) -> Router<Shared> {
    let behind = |target| from_fn_with_state((sandbox.clone(), target), intercept);
    Router::new()
        .route("/oauth/introspect", post(introspect).layer(behind(Target::Introspection)))
        .route("/oauth/jwks", get(jwks_routes::show).layer(behind(Target::Jwks)))
        .route("/mithril/admin/tokens/{token}/verify", get(mithril::verify).layer(behind(Target::Mithril)))
        .route("/registry/persons/{patient_id}", get(registry::person).layer(behind(Target::Persons)))
        .route(
            "/registry/patients/{patient_id}/approvals/{id}",
            get(registry::approval).layer(behind(Target::Approvals)),
        )
        .route("/sms/messages", post(sms::send).layer(behind(Target::Sms)))
        .route("/turbosms/message/send.json", post(turbosms::send).layer(behind(Target::TurboSms)))
        .route(
            "/twilio/2010-04-01/Accounts/{sid}/Messages.json",
            post(twilio::send).layer(behind(Target::Twilio)),
        )
        .route("/otp/verifications", post(otp::start).layer(behind(Target::Otp)))
        .route(
            "/otp/verifications/{phone_number}/actions/complete",
            patch(otp::complete).layer(behind(Target::Otp)),
        )
}

/// What a test steers the sandbox with.
fn controls() -> Router<Shared> {
    Router::new()
        .route("/sandbox/tokens/{token}", put(control::put_token).delete(control::revoke_token))
        .route("/sandbox/jwks", put(jwks_routes::replace))
        .route("/sandbox/persons/{id}", put(control::put_person).delete(control::remove_person))
        .route(
            "/sandbox/patients/{patient_id}/approvals/{id}",
            put(control::put_approval).delete(control::remove_approval),
        )
        .route("/sandbox/approvals/bulk", post(control::make_in_bulk))
        .route("/sandbox/calls", get(control::calls).delete(control::reset_calls))
        .route(
            "/sandbox/faults",
            get(fault_routes::show)
                .put(fault_routes::replace)
                .post(fault_routes::add)
                .merge(delete(fault_routes::clear)),
        )
}
