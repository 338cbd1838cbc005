//! `send-test`: one message through the configured channel, to see whether it arrives and what it costs.

use std::process::ExitCode;

use serde_json::json;
use shared::domain::ids::{JobId, RequestId};
use shared::domain::phone::PhoneNumber;
use shared::sending::codes::Code;
use shared::settings::Settings;

use super::confirm::confirm;
use super::exit::{CtlError, PROBLEM};
use super::output::Output;
use worker::config::{LimitsConfig, SendingConfig};
use worker::message_text::length;
use worker::sms::{Order, SendHistory, Slot, Sms, SubmitResult};
use worker::upstream::HttpClient;
use worker::upstream::Origin;

pub(super) async fn send(
    settings: &Settings,
    to: &PhoneNumber,
    yes: bool,
    output: Output,
) -> Result<ExitCode, CtlError> {
    let SendingConfig::Local { otp, sms: config } = SendingConfig::from_settings(settings)? else {
        let what = "RESEND_OTP_MODE=service: the platform's OTP service sends the messages, there is no channel here";
        return Err(CtlError::Refused(what.to_owned()));
    };
    if !LimitsConfig::from_settings(settings)?.countries.allow(to) {
        let what = format!("{} is in no country of RESEND_LIMIT_COUNTRIES", to.masked());
        return Err(CtlError::Refused(what));
    }
    // Not a real code: it verifies nothing, and may be shown.
    let code = Code::new("0".repeat(otp.length.into()));
    let text = config.text.with(&code);
    // The settings allow no text that needs more than one part.
    let (units, most) = length(&text);
    let parts = units.div_ceil(most);
    confirm(&format!("{text:?} will be sent to {}, and paid for. Send?", to.masked()), yes)?;
    let client = HttpClient::new().map_err(|error| CtlError::Refused(error.to_string()))?;
    let sms = Sms::from_config(&config, &client);
    let (reference, request) = (JobId::generate(), RequestId::generate());
    let order = Order {
        to,
        code: &code,
        reference: &reference,
        origin: Origin { request: &request, trace: None },
        history: SendHistory::NONE,
        may_submit: &|| true,
    };
    let result = sms.send(order, &Slot::none()).await.result;
    sms.close().await;

    let taken = matches!(result, SubmitResult::Accepted { .. });
    let what = words(&result);
    let answer = json!({
        "to": to.masked(), "text": text, "units": units, "units_per_part": most, "parts": parts, "reference": reference, "taken": taken, "result": what,
    });
    output.answer(&answer, || {
        format!(
            "to         {}\ntext       {text}\nparts      {parts} ({units} of {most} units)\n\
             reference  {reference}\nresult     {what}",
            to.masked()
        )
    })?;
    Ok(if taken { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) })
}

fn words(result: &SubmitResult) -> String {
    match result {
        SubmitResult::Accepted { message_id: Some(id) } => format!("the gateway took it as {id}"),
        SubmitResult::Accepted { message_id: None } => "the gateway took it and gave it no id".to_owned(),
        SubmitResult::Throttled { retry_after } => {
            let after = retry_after
                .map(|after| format!("; it asks to retry in {} s", after.as_secs()))
                .unwrap_or_default();
            format!("the gateway is over its limit (429){after}")
        }
        SubmitResult::Deferred { retry_after } => {
            format!("the gateway answered 503: it asks to retry in {} s", retry_after.as_secs())
        }
        SubmitResult::Held { .. } => "not handed over: the channel's window is full".to_owned(),
        SubmitResult::Unreachable => "no connection: check the URL, the name and the firewall".to_owned(),
        SubmitResult::ChannelUnavailable => {
            "the gateway refuses everything we send: check token, balance and sender".to_owned()
        }
        SubmitResult::Rejected => "refused for good: check the number".to_owned(),
        SubmitResult::Indeterminate { silent: false } => {
            "the gateway failed; the message may have been taken".to_owned()
        }
        SubmitResult::Indeterminate { silent: true } => {
            "no answer in time; the message may have been taken".to_owned()
        }
    }
}
