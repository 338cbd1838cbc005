//! A checked code as its client sees it (section 8 of the contract).

use serde::Serialize;
use shared::domain::clock;
use shared::sending::codes::Verified;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schemas::VerifiedWord;

/// A check that succeeded.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationView {
    id: Uuid,
    #[schema(inline)]
    status: VerifiedWord,
    /// ISO 8601, UTC.
    #[schema(format = DateTime)]
    code_expired_at: String,
    active: bool,
}

impl VerificationView {
    /// The view of a correct code.
    pub(crate) fn of(verified: &Verified) -> Self {
        let code_expired_at = clock::iso(verified.expires_ms);
        Self { id: verified.id, status: VerifiedWord::Verified, code_expired_at, active: false }
    }
}
