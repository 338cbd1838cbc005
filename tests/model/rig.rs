//! One Redis with a controlled clock, and a queue over it: restores the Redis of a world, takes one step, and reads the
//! resulting state.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, Script, Value, cmd};
use shared::domain::ids::JobId;
use shared::domain::phone::PhoneNumber;
use shared::queue::Queue;
use shared::redis::Redis;
use shared::sending::codes::Codes;
use shared::sending::guard::SendGuard;
use shared::sending::phone_names::PhoneNames;
use shared::sending::phones::Phones;
use shared::settings::{ApprovalLimits, MessageLimits, OtpConfig, QueueConfig, RedisConfig, Settings};
use tests::chaos::clock::HeldClock;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;

use crate::relay::{Edit, Relay};
use crate::store::Store;
use crate::world::{BEGIN_MS, DEADLINE_MS, World};

/// Reads the whole content of Redis.
const STATE: &str = include_str!("state.lua");

/// A secret of thirty-two bytes, used nowhere else.
const OTP_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// If a step took longer, the queue may have repeated a command, so the step is taken again.
const STEP_LIMIT: Duration = Duration::from_secs(1);

/// Everything needed to take steps.
pub(crate) struct Rig {
    clock: HeldClock,
    relay: Relay,
    direct: MultiplexedConnection,
    state: Script,
    pub(crate) queue: Queue,
    pub(crate) guard: SendGuard,
    pub(crate) codes: Codes,
    pub(crate) limits: ApprovalLimits,
    /// Limits that one message exhausts.
    pub(crate) reached_limits: ApprovalLimits,
    pub(crate) phone: PhoneNumber,
    reader: Queue,
    phones: Phones,
    /// The current state of Redis, and whether its memory is full.
    current: (Store, bool),
    known_jobs: HashMap<(JobId, u64), Option<JobView>>,
    known_phones: HashMap<u64, PhoneView>,
    _server: RedisServer,
    _place: TempDir,
}

/// A job, according to its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobView {
    /// How it ended: status code and result.
    pub(crate) end: Option<(u16, String)>,
    /// Number of hand-overs.
    pub(crate) handed: u64,
    /// Messages that may be out.
    pub(crate) open: u64,
}

/// The phone, according to its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PhoneView {
    /// Messages that count against its limits.
    pub(crate) sent: u64,
    /// Jobs whose code is valid.
    pub(crate) good: Vec<String>,
    /// Jobs whose code was used.
    pub(crate) used: Vec<String>,
}

impl Rig {
    /// Starts it with these fences removed.
    pub(crate) async fn start(edits: Vec<Edit>) -> Self {
        let place = TempDir::new().expect("a folder");
        let clock = HeldClock::at(BEGIN_MS).expect("a C compiler, cc, for the held clock");
        let (socket, relayed) = (place.path().join("redis.sock"), place.path().join("relay.sock"));
        let environment = clock.environment().map(|(name, value)| (name.to_owned(), value));
        let path = socket.display().to_string();
        let arguments =
            ["--unixsocket", &path, "--save", "", "--appendonly", "no", "--enable-debug-command", "yes"];
        // The same encoding for any length of field: otherwise the order of fields would depend on the server's random
        // seed.
        let compact = ["--hash-max-listpack-value", "65536", "--zset-max-listpack-value", "65536"];
        let arguments = [&arguments[..], &compact].concat();
        let server = RedisServer::start_in(place.path(), &arguments, environment.to_vec()).await;
        let direct = Client::open(format!("unix://{path}")).expect("a right URL");
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        let direct = direct.get_multiplexed_async_connection_with_config(&patient).await;
        let mut direct = direct.expect("a running Redis");
        let _: () = cmd("DEBUG")
            .arg("SET-ACTIVE-EXPIRE")
            .arg(0)
            .query_async(&mut direct)
            .await
            .expect("debug commands");
        let state = Script::new(STATE);
        let hash = state.prepare_invoke().load_async(&mut direct).await.expect("a right script");
        let after = cmd("EVALSHA").arg(hash).arg(0).get_packed_command();
        let relay = Relay::start(&relayed, socket.clone(), after, edits);
        let queue = queue_over(&relayed.display().to_string(), 1);
        let reader = queue_over(&path, 0);
        let settings = Settings::from_pairs([("RESEND_OTP_KEY", OTP_KEY)]).expect("right settings");
        let otp = OtpConfig::from_settings(&settings).expect("a right key");
        let names = || PhoneNames::new([&otp.key]);
        Self {
            guard: SendGuard::new(&unreached_limits(), names(), queue.clone()),
            codes: Codes::new(&otp, queue.clone()),
            phones: Phones::new(unreached_limits(), names(), reader.clone()),
            limits: ApprovalLimits { cooldown: Duration::ZERO, per_hour: 0, jobs_per_client_minute: 0 },
            reached_limits: ApprovalLimits {
                cooldown: Duration::from_mins(1),
                per_hour: 1,
                jobs_per_client_minute: 0,
            },
            phone: "+380200000001".parse().expect("a phone number"),
            current: (Store::empty(), false),
            known_jobs: HashMap::new(),
            known_phones: HashMap::new(),
            _server: server,
            _place: place,
            clock,
            relay,
            direct,
            state,
            queue,
            reader,
        }
    }

    /// How many edits matched scripts.
    pub(crate) fn edited(&self) -> usize {
        self.relay.edited()
    }

    /// The state of an empty queue with its group.
    pub(crate) async fn begin(&mut self) -> Store {
        self.queue.deliveries().make_group().await.expect("a group");
        let answer: Value =
            self.state.prepare_invoke().invoke_async(&mut self.direct).await.expect("the state");
        let store = Store::read(answer, BEGIN_MS, &[]);
        self.current = (store.clone(), false);
        store
    }

    /// Takes a step from this world; returns its result and the new state of Redis.
    pub(crate) async fn step<T>(&mut self, world: &World, step: impl AsyncFn(&Self) -> T) -> (T, Store) {
        loop {
            let began = Instant::now();
            self.set(world);
            let answer = step(self).await;
            let seen = self.relay.disarm().expect("a step asks Redis something");
            let store = Store::read(seen, world.redis_ms(), &world.names());
            self.current = (store.clone(), world.is_full);
            if began.elapsed() < STEP_LIMIT {
                return (answer, store);
            }
            // The queue may have sent a command twice, so start again.
            self.current = (Store::empty(), true);
            let _: () = cmd("FLUSHALL").query_async(&mut self.direct).await.expect("an empty Redis");
        }
    }

    /// The state of Redis in this world, without a step.
    pub(crate) async fn read_state(&mut self, world: &World) -> Store {
        self.restore(world).await;
        let answer: Value =
            self.state.prepare_invoke().invoke_async(&mut self.direct).await.expect("the state");
        let store = Store::read(answer, world.redis_ms(), &world.names());
        self.current = (store.clone(), world.is_full);
        store
    }

    /// The job's record in this world.
    pub(crate) async fn job(&mut self, world: &World, id: &JobId) -> Option<JobView> {
        let digest = world.store.digest_of(&self.queue.keys().job(id))?;
        let known = (id.clone(), digest);
        if let Some(view) = self.known_jobs.get(&known) {
            return view.clone();
        }
        self.restore(world).await;
        let record = self.reader.job_store().job(id).await.expect("a job's record");
        let status = self.reader.operator().status_of(id).await.expect("a job's record");
        let view = record.zip(status).map(|(record, status)| JobView {
            end: record.end.map(|end| (end.status_code, end.result)),
            handed: status.handed,
            open: status.sends,
        });
        self.known_jobs.insert(known, view.clone());
        view
    }

    /// The phone's record in this world.
    pub(crate) async fn phone_view(&mut self, world: &World) -> PhoneView {
        let key = self.queue.keys().phone(&self.phones.name(&self.phone));
        let Some(digest) = world.store.digest_of(&key) else { return PhoneView::default() };
        if let Some(view) = self.known_phones.get(&digest) {
            return view.clone();
        }
        self.restore(world).await;
        let phone = self.phone.clone();
        let status = self.phones.show(&phone).await.expect("a phone's record");
        let jobs = |is_used| {
            let codes = status.codes.iter().filter(move |code| code.is_used == is_used);
            codes.map(|code| code.job.clone()).collect()
        };
        let view = PhoneView { sent: status.sent_day, good: jobs(false), used: jobs(true) };
        self.known_phones.insert(digest, view.clone());
        view
    }

    async fn restore(&mut self, world: &World) {
        let restoring = self.restoring(world);
        self.clock.set(world.redis_ms());
        self.current = (world.store.clone(), world.is_full);
        if !restoring.is_empty() {
            let restored: Result<Vec<Value>, _> = restoring.query_async(&mut self.direct).await;
            restored.expect("a state that can be restored");
        }
    }

    fn set(&mut self, world: &World) {
        let restoring = self.restoring(world);
        self.clock.set(world.redis_ms());
        self.relay.arm(restoring.get_packed_pipeline(), restoring.len());
    }

    /// The commands that change Redis from its current state to that of this world.
    fn restoring(&self, world: &World) -> Pipeline {
        let (store, is_full) = &self.current;
        let changes = world.store.changes_from(store);
        if changes.is_empty() && world.is_full == *is_full {
            return Pipeline::new();
        }
        let mut restoring = Pipeline::new();
        restoring.cmd("CONFIG").arg("SET").arg("maxmemory").arg(0);
        changes.cmd_iter().for_each(|change| _ = restoring.add_command(change.clone()));
        restoring.cmd("CONFIG").arg("SET").arg("maxmemory").arg(u8::from(world.is_full));
        restoring
    }
}

fn queue_over(socket: &str, replicas: u8) -> Queue {
    let (url, replicas) = (format!("unix://{socket}"), replicas.to_string());
    let deadline = (DEADLINE_MS / 1_000).to_string();
    let settings = [
        ("RESEND_REDIS_URL", url.as_str()),
        ("RESEND_REDIS_MIN_REPLICAS", &replicas),
        ("RESEND_JOB_DEADLINE_SECONDS", &deadline),
    ];
    let settings = Settings::from_pairs(settings).expect("right settings");
    let redis = Redis::new(&RedisConfig::from_settings(&settings).expect("right settings"));
    Queue::new(redis.expect("a right URL"), QueueConfig::from_settings(&settings).expect("right settings"))
}

/// Limits that count messages and are never reached.
fn unreached_limits() -> MessageLimits {
    MessageLimits {
        per_phone_hour: 0,
        per_phone_day: 100,
        per_patient_day: 100,
        per_client_minute: 0,
        total_minute: 0,
    }
}
