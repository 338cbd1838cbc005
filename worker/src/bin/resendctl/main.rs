//! `resendctl`: the operator's command line for the same Redis. It shows the queue, controls it, and finds errors in
//! its configuration. It only reads unless the verb says otherwise, and shows no phone number, code, token or result.

mod activity;
mod arguments;
mod confirm;
mod doctor;
mod exit;
mod help;
mod jobs;
mod operator;
mod output;
mod pause;
mod phone;
mod quarantine;
mod send_test;
mod stats;
mod workers;

use std::process::ExitCode;

use clap::CommandFactory;
use shared::queue::Queue;
use shared::redis::Redis;
use shared::runtime::tls;
use shared::settings::{ConfigErrors, QueueConfig, RedisConfig, Settings, table};

use arguments::{Cli, JobsVerb, PhoneVerb, QuarantineVerb, Verb};
use exit::CtlError;
use output::Output;

fn main() -> ExitCode {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    match start(Cli::read(words).unwrap_or_else(|error| error.exit())) {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn start(cli: Cli) -> Result<ExitCode, CtlError> {
    let output = Output::new(cli.output);
    if let Some(Verb::Completions { shell }) = cli.verb {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut help::added_to(Cli::command()), "resendctl", &mut script);
        return output::print(&script).map(|()| ExitCode::SUCCESS);
    }
    let settings = Settings::load()?;
    let (redis, config) = settings.checked(read(&settings))?;
    if cli.check_config {
        return output::print(settings.describe(table::ALL).as_bytes()).map(|()| ExitCode::SUCCESS);
    }
    tls::install_crypto_provider();
    let queue = Queue::new(Redis::new(&redis).map_err(shared::queue::QueueError::from)?, config);
    match cli.verb {
        Some(verb) => perform(verb, &queue, &settings, output).await.map_err(|error| error.at(&settings)),
        None => Err(CtlError::Usage),
    }
}

/// The settings that every verb needs, or the errors of both parts.
fn read(settings: &Settings) -> Result<(RedisConfig, QueueConfig), ConfigErrors> {
    match (RedisConfig::from_settings(settings), QueueConfig::from_settings(settings)) {
        (Ok(redis), Ok(queue)) => Ok((redis, queue)),
        (redis, queue) => {
            let mut errors = ConfigErrors::default();
            [redis.err(), queue.err()].into_iter().flatten().for_each(|found| errors.add(found));
            Err(errors)
        }
    }
}

async fn perform(
    verb: Verb,
    queue: &Queue,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CtlError> {
    match verb {
        Verb::Stats { watch: false, .. } => stats::once(queue, output).await?,
        Verb::Stats { every, .. } => stats::watch(queue, output, every).await?,
        Verb::Jobs(JobsVerb::List(filter)) => jobs::list(queue, &filter, output).await?,
        Verb::Jobs(JobsVerb::Show { job }) => jobs::show(queue, &job, output).await?,
        Verb::Jobs(JobsVerb::Retry { jobs }) => return jobs::retry(queue, &jobs, output).await,
        Verb::Jobs(JobsVerb::Cancel { jobs, because, yes }) => {
            return jobs::cancel(queue, &jobs, (&because, yes), output).await;
        }
        Verb::Quarantine(QuarantineVerb::List { limit }) => quarantine::list(queue, limit, output).await?,
        Verb::Quarantine(QuarantineVerb::Retry(which)) => {
            return quarantine::retry(queue, which, output).await;
        }
        Verb::Quarantine(QuarantineVerb::Purge { which, yes }) => {
            return quarantine::purge(queue, which, yes, output).await;
        }
        Verb::Phone(PhoneVerb::Show { phone }) => phone::show(queue, settings, &phone, output).await?,
        Verb::Phone(PhoneVerb::Unlock { phone, because, yes }) => {
            phone::unlock(queue, settings, (&phone, &because, yes), output).await?;
        }
        Verb::Pause { because, yes } => pause::pause(queue, &because, yes, output).await?,
        Verb::Resume { because } => pause::resume(queue, &because, output).await?,
        Verb::Activity { limit } => activity::list(queue, limit, output).await?,
        Verb::Workers => workers::list(queue, output).await?,
        Verb::SendTest { to, yes } => return send_test::send(settings, &to, yes, output).await,
        Verb::Doctor { patient: Some(patient), approval: Some(approval) } => {
            return doctor::check_approval(patient, approval, settings, output).await;
        }
        Verb::Doctor { .. } => return doctor::doctor(queue, settings, output).await,
        Verb::Completions { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}
