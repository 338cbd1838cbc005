//! What identifies a request, from here to its last log line.

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use shared::runtime::http::Connection;

use crate::request::client_address::ClientAddress;
use crate::request::context::RequestContext;
use crate::state::AppState;

pub(super) async fn identify(
    State(app): State<AppState>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = ClientAddress::of(&connection, request.headers(), &app.http.trusted_proxies);
    let context = RequestContext::read(&request, app.http.public_url.as_ref(), address);
    request.extensions_mut().insert(context);
    next.run(request).await
}
