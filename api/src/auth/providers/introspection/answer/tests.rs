//! Answers of servers that follow RFC 7662 more and less closely.

use serde_json::json;

use super::*;
use crate::auth::Scope;

fn config(issuer: Option<&str>, audience: Option<&str>) -> IntrospectionConfig {
    IntrospectionConfig {
        url: "http://127.0.0.1:1/".parse().unwrap(),
        client_id: "resend-api".to_owned(),
        client_secret: "secret".into(),
        issuer: issuer.map(str::to_owned),
        audience: audience.map(str::to_owned),
    }
}

/// The bearer of an active token of `mis-a` with these members on top.
fn with(members: &Value) -> Option<Principal> {
    with_config(members, &config(None, None))
}

fn with_config(members: &Value, config: &IntrospectionConfig) -> Option<Principal> {
    let mut answer = json!({"active": true, "client_id": "mis-a"});
    for (name, value) in members.as_object().unwrap() {
        answer[name] = value.clone();
    }
    let identity = read(answer.to_string().as_bytes(), config).unwrap();
    identity.ok().map(|principal| Principal::clone(&principal))
}

#[test]
fn the_client_owns_the_jobs_or_the_subject_where_there_is_none() {
    let owner = |members| with(&members).map(|principal| principal.client.to_string());
    assert_eq!(owner(json!({"sub": "s"})).as_deref(), Some("mis-a"));
    for none in [json!(null), json!("")] {
        assert_eq!(owner(json!({"client_id": none, "sub": "mis-a"})).as_deref(), Some("sub:mis-a"), "{none}");
        assert_eq!(owner(json!({"client_id": none})), None, "{none}");
    }
}

#[test]
fn scope_and_times_are_read_in_every_form_servers_send() {
    for scope in [json!("job:read x"), json!(["x", "job:read"]), json!(["x job:read"])] {
        let scopes = with(&json!({"scope": scope})).unwrap().scopes;
        assert!(scopes.contains(Scope::JobRead) && !scopes.contains(Scope::ApprovalCreate), "{scope}");
    }
    for exp in [json!(7), json!(7.0), json!("7"), json!("7.0")] {
        assert_eq!(with(&json!({"exp": exp})).unwrap().expires_at, Some(7), "{exp}");
    }
    let nulls =
        json!({"scope": null, "exp": null, "nbf": null, "aud": null, "iss": null, "token_type": null});
    assert_eq!(with(&nulls).unwrap().expires_at, None);
}

#[test]
fn what_cannot_be_read_is_that_tokens_refusal() {
    for member in [
        json!({"exp": "soon"}),
        json!({"exp": {}}),
        json!({"nbf": "later"}),
        json!({"scope": 7}),
        json!({"client_id": 7}),
        json!({"client_id": "a b", "sub": "s"}),
        json!({"aud": 7}),
    ] {
        assert_eq!(with(&member), None, "{member}");
    }
}

#[test]
fn an_answer_that_does_not_say_whether_the_token_is_active_is_none() {
    for text in ["{}", "[]", "null", "<html>", "", r#"{"active":"true"}"#, r#"{"active":1}"#] {
        assert!(read(text.as_bytes(), &config(None, None)).is_err(), "{text}");
    }
    let inactive = read(br#"{"active":false,"client_id":"mis-a"}"#, &config(None, None)).unwrap();
    assert_eq!(inactive, Err(CredentialError::Token));
}

#[test]
fn only_access_tokens_are_taken() {
    for (name, kind) in [
        ("token_type", "Bearer"),
        ("token_type", "access_token"),
        ("token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("token_use", "access"),
        ("token_use", "access_token"),
    ] {
        assert!(with(&json!({name: kind})).is_some(), "{name}: {kind}");
    }
    for (name, kind) in [
        ("token_type", "refresh_token"),
        ("token_type", "Refresh"),
        ("token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
        ("token_use", "refresh_token"),
        ("token_use", "refresh"),
        ("token_use", "id"),
    ] {
        assert_eq!(with(&json!({name: kind})), None, "{name}: {kind}");
    }
}

#[test]
fn a_token_counts_from_its_nbf_on() {
    assert!(with(&json!({"nbf": 1_500_000_000})).is_some());
    assert_eq!(with(&json!({"nbf": 4_102_444_800_u64})), None);
}

#[test]
fn issuer_and_audience_are_held_where_they_are_set() {
    let set = config(Some("https://issuer"), Some("resend"));
    let both = json!({"iss": "https://issuer", "aud": ["a", "resend"]});
    assert!(with_config(&both, &set).is_some());
    assert!(with_config(&json!({"iss": "https://issuer", "aud": "resend"}), &set).is_some());
    for other in [
        json!({}),
        json!({"iss": "https://issuer"}),
        json!({"aud": "resend"}),
        json!({"iss": "https://issuer/", "aud": "resend"}),
        json!({"iss": "https://issuer", "aud": ["a"]}),
    ] {
        assert_eq!(with_config(&other, &set), None, "{other}");
        assert!(with(&other).is_some(), "nothing is set: {other}");
    }
}
