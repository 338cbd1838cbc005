//! The start page: what the sandbox offers, written for the address it was asked under.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::environment;
use super::provoke::{ANSWERS, Answer};
use crate::sandbox::scenarios::{Expected, Scenario};
use crate::sandbox::tokens::{BUILT_IN, BuiltIn};

const STYLE: &str = include_str!("start.css");

/// Actions of faults, and what they do.
const ACTIONS: [(&str, &str); 13] = [
    (r#"{"status":503,"retry_after":2,"body":"…","content_type":"…"}"#, "this answer instead"),
    (r#"{"delay_ms":5000}"#, "the real answer, late"),
    (r#"{"hang":true}"#, "no answer ever"),
    (r#"{"cut":true}"#, "the connection is closed without an answer"),
    (r#"{"drip_ms":200}"#, "the real answer, byte by byte"),
    (r#"{"huge_body":10000000}"#, "200 with so many bytes of JSON"),
    (r#"{"redirect":"http://…"}"#, "307 to there"),
    (r#"{"html":true}, {"garbage":true}"#, "200 with a web page; with JSON that breaks off"),
    (r#"{"other_patient":true}"#, "data of another patient (persons, approvals)"),
    (r#"{"null_phone":true}"#, "an approval without a phone"),
    (
        r#"{"deduplicate":true}"#,
        "no fault but a switch: the gateway sends a message with a known Idempotency-Key once",
    ),
    (
        r#"{"limit_seconds":60}, {"gateway_refuses":true}"#,
        "switches too: the OTP service takes one call a phone in so long; it answers 201 for what its gateway refused",
    ),
    (
        r#"with "accept":true"#,
        "the request is carried out first (the message is recorded), then it goes wrong",
    ),
];

/// The whole page.
pub(super) fn page(base: &str, scenarios: &[Scenario]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "resend-sandbox" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "resend-sandbox" }
                p {
                    "Stands in for everything the resend service talks to: tokens, the registry of persons and approvals, the \
                     platform's OTP service and SMS gateways. Nothing leaves this machine, and no phone number here can belong \
                     to a person."
                }
                p { a href="/inbox" { b { "Open the inbox" } } ": the messages, with their codes, as they arrive." }
                (first_steps(base, scenarios))
                (tokens(base))
                (answers(base))
                (persons_and_approvals(base, scenarios))
                (faults(base))
                (what_happened(base))
            }
        }
    }
}

fn first_steps(base: &str, scenarios: &[Scenario]) -> Markup {
    html! {
        h2 { "Point the service here" }
        pre { (environment(base)) }
        p {
            code { "RESEND_OTP_URL" } " is only used with " code { "RESEND_OTP_MODE=service" }
            "; without it the service makes the codes itself and needs a key of its own: "
            code { "RESEND_OTP_KEY=$(openssl rand -base64 32)" } "."
        }
        h2 { "Send a message" }
        @if let Some(plain) = scenarios.first() {
            pre {
                "curl -i -X PATCH -H 'Authorization: Bearer mis-a-token' \\\n  http://127.0.0.1:8080/api/patients/"
                (plain.patient_id) "/approvals/" (plain.approval_id) "/actions/resend\n\n"
                "# then read the job, with the link from the answer\n"
                "curl -i http://127.0.0.1:8080/Jobs/… -H 'Authorization: Bearer mis-a-token' -H 'Prefer: wait=10'"
            }
        }
    }
}

fn tokens(base: &str) -> Markup {
    let row = |token: &BuiltIn| {
        html! {
            tr {
                td { code { (token.token) } }
                td { (token.scope) }
                td { (token.client_id) }
                td { (token.note()) }
            }
        }
    };
    html! {
        h2 { "Tokens" }
        (table(&["Token", "Scope", "Client", "What is special"], BUILT_IN.iter().map(row)))
        p { "Any other token is inactive. More of them: the body is what introspection will answer." }
        pre {
            "curl -X PUT " (base) "/sandbox/tokens/my-token \
             -d '{\"active\":true,\"scope\":\"job:read\",\"client_id\":\"me\",\"exp\":4102444800}'\n"
            "curl -X DELETE " (base) "/sandbox/tokens/my-token"
        }
    }
}

fn answers(base: &str) -> Markup {
    let row = |Answer { status: answer, meaning, scenarios, how }: &Answer| {
        html! {
            tr {
                td { b { (answer) } }
                td { (meaning) }
                td {
                    @for (index, name) in scenarios.iter().enumerate() {
                        @if index > 0 { ", " } a href={ "#" (name) } { (name) }
                    }
                    @if !how.is_empty() { code { (how.replace("{base}", base)) } }
                }
            }
        }
    };
    html! {
        h2 { "Every answer a client must handle" }
        p {
            "The PATCH is answered 202, and the job says the rest. With " code { "Prefer: wait=10" } ", or under "
            code { "RESEND_SYNC_POLICY=refusals" } ", the PATCH itself is answered what the job came to."
        }
        (table(&["Answer", "What it means", "How to provoke it"], ANSWERS.iter().map(row)))
    }
}

fn persons_and_approvals(base: &str, scenarios: &[Scenario]) -> Markup {
    html! {
        h2 { "Persons and approvals" }
        (table(&["Scenario", "Method", "Patient, approval", "What must come of it"], scenarios.iter().map(scenario)))
        p { "Your own, or a change to one of these while its job is queued; the body is the " code { "data" } " of the answer:" }
        pre {
            "curl -X PUT " (base) "/sandbox/persons/{id} \
             -d '{\"id\":\"…\",\"status\":\"active\",\"is_active\":true,\"authentication_methods\":[…]}'\n"
            "curl -X PUT " (base) "/sandbox/patients/{patient_id}/approvals/{id} \
             -d '{\"id\":\"…\",\"patient_id\":\"…\",\"status\":\"new\",…}'\n"
            "curl -X DELETE " (base) "/sandbox/persons/{id}      # 404 from now on; likewise an approval"
        }
        p { "Any number of fresh patients with an open OTP approval, each with a phone of its own:" }
        pre { "curl -X POST '" (base) "/sandbox/approvals/bulk?count=3'" }
    }
}

fn scenario(scenario: &Scenario) -> Markup {
    html! {
        tr id=(scenario.name) {
            td { b { (scenario.name) } br; (scenario.about) }
            td { (scenario.method) }
            td.ids { code { (scenario.patient_id) br; (scenario.approval_id) } }
            td {
                @match &scenario.expected {
                    Expected::Sent { to } => { span.ok { "200" } " one SMS to " (to) }
                    Expected::Refused { status_code, reason, message, .. } => {
                        span.no { (status_code) } " " (reason) br; (message)
                    }
                }
            }
        }
    }
}

fn faults(base: &str) -> Markup {
    let row = |(action, what): &(&str, &str)| html! { tr { td { code { (action) } } td { (what) } } };
    html! {
        h2 { "Faults" }
        p {
            "A fault strikes one " code { "target" } " (introspection, jwks, mithril, persons, approvals, sms, otp, turbosms, twilio). It \
             lasts until removed, or for so many " code { "times" } ", or strikes with a " code { "probability" } "; " code { "match" }
            " narrows it to a " code { "path_contains" } " or, for SMS, a " code { "reference" } ". The first that matches wins."
        }
        (table(&["Action", "What happens"], ACTIONS.iter().map(row)))
        pre {
            "# the gateway is down, one request in three\n"
            "curl -X POST " (base) "/sandbox/faults \
             -d '{\"target\":\"sms\",\"action\":{\"status\":503,\"retry_after\":2},\"probability\":0.33}'\n"
            "# the gateway takes the next message and never answers\n"
            "curl -X POST " (base) "/sandbox/faults \
             -d '{\"target\":\"sms\",\"action\":{\"hang\":true,\"accept\":true},\"times\":1}'\n"
            "curl " (base) "/sandbox/faults              # what is in force\n"
            "curl -X PUT " (base) "/sandbox/faults -d '[]'   # these and no others\n"
            "curl -X DELETE " (base) "/sandbox/faults    # all is well"
        }
    }
}

fn what_happened(base: &str) -> Markup {
    html! {
        h2 { "Looking at what happened" }
        pre {
            "curl '" (base) "/inbox.json?to=%2B380200000001&limit=10'                    # also reference=…\n"
            "curl '" (base) "/inbox.json?to=%2B380200000001&count=1&wait_ms=10000'       # answers when it is there\n"
            "curl -X DELETE " (base) "/inbox\n"
            "curl " (base) "/sandbox/calls               # calls to each system, by token, and the most at once\n"
            "curl -X DELETE " (base) "/sandbox/calls"
        }
        p {
            "With " code { "--ledger FILE" } " every accepted message is also a line of JSON in that file, written before the gateway answers."
        }
    }
}

fn table(heads: &[&str], rows: impl Iterator<Item = Markup>) -> Markup {
    html! {
        div.wide { table { tr { @for head in heads { th { (head) } } } @for row in rows { (row) } } }
    }
}
