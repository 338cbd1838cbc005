//! The fleet of one scenario, with everything that monitors it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use super::check::{self, strangers};
use super::client_request::{ClientRequest, Person};
use super::endings::Endings;
use super::evidence::Evidence;
use super::leaks;
use super::load::Load;
use super::records;
use super::sandbox_faults::Control;
use super::scenario_result::ScenarioResult;
use super::seed::Seed;
use super::targets::Targets;
use crate::client::ApiClient;
use crate::keys::keys;
use crate::sandbox::Message;
use crate::stack::{Stack, StackBuilder};

/// How often the rest of the queue is checked.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The size of a scenario's run, and its seed.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The small form, for every run of the tests.
    pub short: bool,
    /// The source of randomness.
    pub seed: Seed,
}

impl Setup {
    /// The size for this form.
    pub fn size<T>(&self, short: T, full: T) -> T {
        if self.short { short } else { full }
    }
}

/// A fleet and its monitors.
pub struct ChaosEnv {
    /// The processes.
    pub stack: Stack,
    /// The APIs that clients use.
    pub targets: Targets,
    /// The ends of jobs so far.
    pub endings: Endings,
    /// The control interface of the sandbox.
    pub control: Control,
}

/// A fleet whose Redis syncs at every command, without limits that a load of clients would reach.
pub fn fleet(lease_seconds: u64) -> StackBuilder {
    StackBuilder::new()
        .redis(&["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        .set("RESEND_LEASE_SECONDS", lease_seconds)
        .set("RESEND_LIMIT_PER_CLIENT_MINUTE", 0)
}

impl ChaosEnv {
    /// Starts a fleet.
    pub async fn start(fleet: StackBuilder) -> Self {
        let stack = fleet.start().await;
        let (targets, endings) = (Targets::default(), Endings::of(&stack.redis.url()));
        targets.set(&stack.apis);
        let control = Control::new(&stack.sandbox.url);
        Self { stack, targets, endings, control }
    }

    /// Starts another API and adds it to the clients' list.
    pub async fn add_api(&mut self, own: &[(&str, &str)]) {
        self.stack.add_api(own).await;
        self.targets.set(&self.stack.apis);
    }

    /// Clients that send this many requests a second.
    pub fn load(&self, per_second: f64) -> Load {
        Load::new(&self.targets, per_second)
    }

    /// Creates this many patients.
    pub async fn people(&self, count: usize) -> Vec<Person> {
        self.control.people(count).await
    }

    /// Requests this many jobs, as fast as they are accepted.
    pub async fn ask_all(&self, count: usize) -> Vec<ClientRequest> {
        self.load(2_000.0).run(self.people(count).await).await
    }

    /// A connection for inspection.
    pub async fn redis(&self) -> MultiplexedConnection {
        self.stack.redis.connection().await
    }

    /// Waits until nothing waits, runs, or is scheduled; `None` if there is still something after this time.
    pub async fn drained(&self, within: Duration) -> Option<Duration> {
        let start = Instant::now();
        let mut look = tokio::time::interval(LOOK_EVERY);
        while start.elapsed() < within {
            look.tick().await;
            if self.left().await == Some(0) {
                return Some(start.elapsed());
            }
        }
        None
    }

    /// How many jobs are left in the queue; `None` while Redis does not answer.
    pub async fn left(&self) -> Option<u64> {
        let client = redis::Client::open(self.stack.redis.url()).ok()?;
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        let mut ask = redis::pipe();
        ask.cmd("XLEN")
            .arg(keys().stream())
            .cmd("ZCARD")
            .arg(keys().scheduled())
            .cmd("HLEN")
            .arg(keys().live());
        let left: (u64, u64, u64) = ask.query_async(&mut connection).await.ok()?;
        Some(left.0 + left.1 + left.2)
    }

    /// All evidence to check.
    pub async fn evidence(&self, asked: Vec<ClientRequest>, excused: HashSet<String>) -> Evidence {
        // Read before the records: otherwise a job that ends in between would seem to have changed after its end.
        let endings = self.endings.seen();
        let records = records::all(&mut self.redis().await).await.expect("Redis can be read in the end");
        Evidence { asked, ledger: self.ledger(), records, endings, excused, ..Evidence::default() }
    }

    /// The messages that the gateway took.
    pub fn ledger(&self) -> Vec<Message> {
        let lines = self.stack.ledger().into_iter();
        lines.map(|line| serde_json::from_value(line).expect("the ledger's own line")).collect()
    }

    /// How many messages the gateway took.
    pub fn messages(&self) -> usize {
        let ledger = std::fs::read_to_string(self.stack.folder().join("ledger.jsonl"));
        ledger.unwrap_or_default().lines().count()
    }

    /// Waits until this many messages were taken; `None` if there are fewer after this time.
    pub async fn messages_reach(&self, count: usize, within: Duration) -> Option<Duration> {
        let (start, mut look) = (Instant::now(), tokio::time::interval(LOOK_EVERY));
        while start.elapsed() < within {
            look.tick().await;
            if self.messages() >= count {
                return Some(start.elapsed());
            }
        }
        None
    }

    /// Processes that have ended without being told to.
    pub fn exited(&mut self) -> usize {
        let members = self.stack.apis.iter_mut().chain(&mut self.stack.workers);
        members.filter_map(|member| member.process.has_ended()).count()
    }

    /// Checks every rule against the evidence and the files.
    pub async fn check(&self, evidence: &Evidence, result: &mut ScenarioResult) {
        result.breaches(check::all(evidence));
        result.breaches(leaks::in_folder(self.stack.folder(), &evidence.ledger));
        let owner = ApiClient::new(&self.targets.next(), "mis-a-token");
        let kept = || evidence.accepted().into_iter().filter(|job| evidence.records.contains_key(*job));
        result.breaches(strangers::see_nothing(&owner, kept()).await);
        result.breaches(leaks::in_results(&owner, kept()).await);
    }

    /// Ends the run; the files of a failed scenario are kept, and the result says where.
    pub fn close(self, result: &mut ScenarioResult) {
        if !result.wrong.is_empty() {
            let kept = self.stack.keep();
            result.kept.push(kept.display().to_string());
        }
    }
}
