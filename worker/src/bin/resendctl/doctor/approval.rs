//! `doctor --patient ID --approval ID`: reads both from the registry and reports what the worker would decide.

use std::process::ExitCode;

use serde_json::{Value, json};
use shared::domain::ids::{ApprovalId, PatientId};
use shared::settings::Settings;
use worker::config::{LimitsConfig, RegistryConfig};
use worker::registry::Registry;
use worker::resend_approval::{Decision, Preview, preview};
use worker::upstream::HttpClient;

use crate::exit::{CtlError, PROBLEM};
use crate::output::Output;

/// Exits 1 if no message would be sent.
pub(crate) async fn check(
    patient: PatientId,
    approval: ApprovalId,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CtlError> {
    let config = RegistryConfig::from_settings(settings)?;
    let client = HttpClient::new().map_err(|error| CtlError::Refused(error.to_string()))?;
    let registry = Registry::new(&config, &client);
    let countries = LimitsConfig::from_settings(settings)?.countries;
    let preview = preview(patient, approval, &registry, &countries).await;
    let sends = matches!(preview.decision, Decision::Send { .. });
    output.answer(&as_json(&preview), || as_text(&preview))?;
    Ok(if sends { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) })
}

fn as_json(preview: &Preview) -> Value {
    let mut shown = match &preview.decision {
        Decision::Send { phone, is_former_phone } => {
            json!({"decision": "send", "to": phone.masked(), "former_phone": is_former_phone})
        }
        Decision::Refuse(refusal) => json!({
            "decision": "refuse", "status_code": refusal.status_code(), "error": refusal.error(),
        }),
        Decision::Retry { cause, otherwise } => json!({
            "decision": "retry", "cause": cause, "status_code": otherwise.status_code(), "error": otherwise.error(),
        }),
    };
    shown["detail"] = json!(preview.detail);
    let methods = preview.unreadable_methods.iter().map(|member| member.0.as_str());
    shown["unreadable"] = json!(methods.collect::<Vec<_>>());
    shown
}

fn as_text(preview: &Preview) -> String {
    let mut lines = vec![match &preview.decision {
        Decision::Send { phone, .. } => {
            format!("The code would be sent to {phone}, if the limits on messages allow it.")
        }
        Decision::Refuse(refusal) => {
            let error = refusal.error();
            format!(
                "The job would end with {} {}: {}",
                refusal.status_code(),
                error.reason.as_str(),
                error.message
            )
        }
        Decision::Retry { cause, otherwise } => {
            let (status, reason) = (otherwise.status_code(), otherwise.reason().as_str());
            format!(
                "The worker would ask again until the deadline ({cause}), then end the job with {status} {reason}."
            )
        }
    }];
    if let Decision::Send { is_former_phone: true, .. } = preview.decision {
        lines.push("The person's authentication methods have other numbers by now.".to_owned());
    }
    lines.extend(preview.detail.iter().map(|detail| format!("Because: {detail}")));
    lines.extend(preview.unreadable_methods.iter().map(|member| format!("Counts as absent: {member}")));
    lines.push("Nothing was sent.".to_owned());
    lines.join("\n")
}
