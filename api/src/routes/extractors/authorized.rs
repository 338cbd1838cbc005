//! A request whose token is valid and has the scope that its route requires.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::auth::{Principal, Scope};
use crate::request::concurrency::ClientPermit;
use crate::request::context::RequestContext;
use crate::request::deadline::RequestDeadline;
use crate::responses::error::ApiError;
use crate::state::AppState;

/// The scope that a route requires.
pub(crate) trait RequiredScope {
    const SCOPE: Scope;
}

/// To have a code sent again.
pub(crate) struct ApprovalCreate;

/// To read a job.
pub(crate) struct JobRead;

/// To check a code.
pub(crate) struct OtpVerify;

impl RequiredScope for ApprovalCreate {
    const SCOPE: Scope = Scope::ApprovalCreate;
}

impl RequiredScope for JobRead {
    const SCOPE: Scope = Scope::JobRead;
}

impl RequiredScope for OtpVerify {
    const SCOPE: Scope = Scope::OtpVerify;
}

/// The request, with its caller and its deadline. While it lives, it counts against its client.
pub(crate) struct Authorized<R> {
    pub(crate) principal: Arc<Principal>,
    pub(crate) context: RequestContext,
    pub(crate) deadline: RequestDeadline,
    _permit: ClientPermit,
    _scope: PhantomData<R>,
}

impl<R: RequiredScope> FromRequestParts<AppState> for Authorized<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let context = parts.extensions.get::<RequestContext>().ok_or(ApiError::Internal)?.clone();
        let deadline = parts.extensions.get::<RequestDeadline>().ok_or(ApiError::Internal)?.clone();
        let principal = app.authenticator.authorize(R::SCOPE, &parts.headers, context.origin()).await?;
        context.set_client(&principal.client);
        let permit = deadline.acquire_share(&principal.client).ok_or(ApiError::Overloaded)?;
        Ok(Self { principal, context, deadline, _permit: permit, _scope: PhantomData })
    }
}
