//! Step 6: the code and the message.

mod judge;

use shared::domain::outcome::{Outcome, Refusal};
use shared::domain::phone::PhoneNumber;
use shared::queue::Delivery;
use shared::runtime::fail_point;
use shared::sending::permit::SendPermit;
use shared::telemetry::span::{self, Span};

use super::history::History;
use super::step_exit::StepExit;
use crate::code_sender::CodeSender;
use crate::context::Context;
use crate::otp_service::OtpService;
use crate::runner::RunState;
use crate::sms::{Order, SendResult, Slot, Sms, SubmitResult};
use crate::upstream::Origin;

/// One try to deliver a job's code.
pub(super) struct SendAttempt<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) phone: &'a PhoneNumber,
    pub(super) history: &'a History,
    pub(super) permit: &'a SendPermit,
    pub(super) run: &'a RunState,
}

/// Sends the code once. `outcome` is the job's end if a gateway takes the message: from then on it holds, even if this
/// run is cut off.
pub(super) async fn send_code(
    this: SendAttempt<'_>,
    slot: &Slot,
    outcome: Outcome,
    context: &Context,
) -> Result<(), StepExit> {
    if matches!(context.sender, CodeSender::Local { .. }) && this.permit.offered.is_none() {
        tracing::info!("the code was used already: an earlier run's message arrived");
        return Ok(());
    }
    fail_point::hit(fail_point::BEFORE_SUBMIT, &this.delivery.message.job).await;
    if !this.permit.may_submit() {
        return Err(this.unsent("the permit to send has expired", context).await);
    }
    this.run.submitting();
    let sent = match &context.sender {
        CodeSender::Local { sms, .. } => this.send_sms(sms, slot).await,
        CodeSender::Service(service) => SendResult::of_one(this.start(service).await, "otp"),
    };
    this.run.handed_to(sent.channel);
    context.sender.announce(context.queue.send_capacity());
    fail_point::hit(fail_point::AFTER_SUBMIT, &this.delivery.message.job).await;
    if let SubmitResult::Accepted { message_id } = &sent.result {
        this.run.taken(outcome, this.permit.taken_code());
        tracing::info!(message_id, channel = sent.channel, "the gateway took the message");
        return Ok(());
    }
    Err(this.failed(&sent, context).await)
}

impl SendAttempt<'_> {
    async fn send_sms(&self, sms: &Sms, slot: &Slot) -> SendResult {
        let Some(offered) = &self.permit.offered else { return SendResult::unsent() };
        let job = &self.delivery.message;
        let span = Span::step(span::SUBMIT_SMS, job.trace.as_ref());
        let trace = span.or(job.trace.as_ref());
        let order = Order {
            to: self.phone,
            code: &offered.code,
            reference: &job.job,
            origin: Origin { request: &job.request, trace: trace.as_ref() },
            history: self.history.for_channels(),
            may_submit: &|| self.permit.may_submit(),
        };
        let sent = sms.send(order, slot).await;
        span.result(sent.result.label());
        span.end();
        sent
    }

    async fn start(&self, service: &OtpService) -> SubmitResult {
        let origin = Origin::from(&self.delivery.message);
        service.start(self.phone, origin, &self.history.for_channels()).await
    }

    /// Nothing was handed over: the message is subtracted from all limits, together with the retry if there is one.
    async fn unsent(&self, cause: &'static str, context: &Context) -> StepExit {
        let exit = StepExit::retry(cause, None, Refusal::UpstreamSilent);
        self.settle(exit, 0, false, context).await
    }

    async fn failed(&self, sent: &SendResult, context: &Context) -> StepExit {
        let is_service = matches!(context.sender, CodeSender::Service(_));
        let may_be_out = self.permit.is_last() || self.history.open_silent().is_some();
        let is_open = matches!(sent.result, SubmitResult::Indeterminate { .. });
        if let SubmitResult::Indeterminate { silent } = sent.result {
            context.open_outcomes.note(&self.delivery.message.job, silent);
        }
        let exit = match judge::decided_by_service(&sent.result, is_service, may_be_out, (context.clock)()) {
            Some(refusal) => refusal.into(),
            None => judge::exit(&sent.result, self.permit.is_last()),
        };
        self.settle(exit, sent.believed, is_open, context).await
    }

    /// Records the outcome of the submits: together with the retry if there is one, else at once.
    async fn settle(&self, exit: StepExit, believed: u32, is_open: bool, context: &Context) -> StepExit {
        match (exit, self.permit.settle(believed, is_open)) {
            (StepExit::Retry(mut later), send) => {
                later.send = send;
                StepExit::Retry(later)
            }
            (exit, Some(settlement)) => {
                context.send_guard.settle(&settlement).await;
                exit
            }
            (exit, None) => exit,
        }
    }
}
