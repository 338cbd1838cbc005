//! An authenticated caller, and what it may do.

use std::time::Duration;

use shared::domain::clock;
use shared::domain::ids::ClientId;

/// Keeps the names of clients and subjects apart.
const CLIENT: &str = "client:";
const SUBJECT: &str = "sub:";

/// A token's statements about its bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The owner of the jobs it creates and may read.
    pub(crate) client: ClientId,
    /// Its scopes.
    pub(crate) scopes: Scopes,
    /// When the token expires, in epoch seconds, if it does.
    pub(crate) expires_at: Option<i64>,
}

/// A scope that one of our routes requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To have a code sent again.
    ApprovalCreate,
    /// To read a job.
    JobRead,
    /// To check a code.
    OtpVerify,
}

/// What a request does to the state behind it; decides how long an earlier check of its token is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Changes it.
    Write,
    /// Reads it.
    Read,
}

/// A set of scopes. Scopes that no route requires are dropped, so that a token's size does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Scopes(u8);

/// The owner of a client's jobs. Its name is the `client_id`, unless that might look like a name made by
/// `subject_owner`.
pub(crate) fn client_owner(client_id: &str) -> Option<ClientId> {
    if [CLIENT, SUBJECT].iter().any(|prefix| client_id.starts_with(prefix)) {
        format!("{CLIENT}{client_id}").parse().ok()
    } else {
        client_id.parse().ok()
    }
}

/// The owner of a subject's jobs, if the token names no client. It has a name space of its own, so that the subject `x`
/// cannot read the jobs of the client `x`.
pub(crate) fn subject_owner(subject: &str) -> Option<ClientId> {
    let is_named = !subject.is_empty();
    is_named.then(|| format!("{SUBJECT}{subject}").parse().ok()).flatten()
}

impl Principal {
    /// How long it may be cached: at most this long, but not beyond the token's end.
    pub(crate) fn lasts(&self, longest: Duration) -> Duration {
        let left = self
            .expires_at
            .map(|end| u64::try_from(end).unwrap_or(0).saturating_sub(clock::now_ms() / 1_000));
        left.map_or(longest, |left| longest.min(Duration::from_secs(left)))
    }
}

impl Scope {
    /// Every scope.
    pub(crate) const ALL: [Self; 3] = [Self::ApprovalCreate, Self::JobRead, Self::OtpVerify];

    /// Its name in tokens.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalCreate => "approval:create",
            Self::JobRead => "job:read",
            Self::OtpVerify => "otp:verify",
        }
    }

    /// The scope with this name. The platform's OTP service has its own names for checking codes.
    fn named(name: &str) -> Option<Self> {
        if name == "otp:write" {
            return Some(Self::OtpVerify);
        }
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// What the routes that require it do.
    pub(crate) const fn access(self) -> Access {
        match self {
            Self::ApprovalCreate | Self::OtpVerify => Access::Write,
            Self::JobRead => Access::Read,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Scopes {
    /// Reads a space-separated list (RFC 6749, section 3.3).
    pub(crate) fn parse(list: &str) -> Self {
        let known = list.split(' ').filter_map(Scope::named);
        Self(known.fold(0, |bits, scope| bits | scope.bit()))
    }

    /// The scopes in at least one of the two sets.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The scopes in both sets.
    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it is among them.
    pub(crate) const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_held_only_by_its_whole_name() {
        let held = |list| Scope::ALL.map(|scope| Scopes::parse(list).contains(scope));
        assert_eq!(held("approval:create job:read"), [true, true, false]);
        assert_eq!(held("person:read  job:read otp:verify"), [false, true, true]);
        assert_eq!(held("otp:write"), [false, false, true]);
        for list in ["", "approval:creat", "approval:create2", "APPROVAL:CREATE", "approval:create,job:read"]
        {
            assert_eq!(held(list), [false; 3], "{list}");
        }
    }

    #[test]
    fn no_subject_has_the_name_of_a_client() {
        let names = ["x", "sub:x", "client:x", "client:sub:x", "sub:client:x"];
        let clients = names.map(|name| client_owner(name).unwrap());
        let subjects = names.map(|name| subject_owner(name).unwrap());
        let all: std::collections::HashSet<_> = clients.iter().chain(&subjects).collect();
        assert_eq!(all.len(), 2 * names.len(), "{all:?}");
        assert_eq!(clients[0].as_str(), "x");
        assert_eq!((client_owner(""), subject_owner(""), client_owner("a b")), (None, None, None));
    }
}
