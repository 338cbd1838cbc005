//! Errors get their body here, where the request is known.

use axum::Extension;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::request::context::RequestContext;
use crate::responses::envelope;

pub(super) async fn write(
    Extension(context): Extension<RequestContext>,
    request: Request,
    next: Next,
) -> Response {
    let is_head = request.method() == Method::HEAD;
    envelope::complete(next.run(request).await, &context, is_head)
}
