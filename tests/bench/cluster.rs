//! (h) The same on a Redis Cluster: what PATCH and a job that does nothing cost if the client must look up slots. A
//! queue is in one slot, so more masters do not help it.

use shared::queue::Queue;
use shared::settings::Settings;
use tests::process::Process;
use tests::redis_cluster::RedisCluster;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;

use super::Effort;
use super::accept::{add, under_load};
use super::backlog::{Remaining, drain_rate, fill};
use super::load::{Load, LoadOptions, Requests};
use super::report::{Bound, Figure, Report};
use super::series::{rate, ratio};
use super::server::{queue_of, start_role};

const CONNECTIONS: u32 = 64;

/// Jobs drained.
const JOBS: usize = 50_000;

/// The topology to measure.
#[derive(Clone, Copy)]
enum Shape {
    /// One server, the baseline of all other figures.
    Single,
    /// A cluster of three masters.
    Cluster,
}

/// A running Redis of one topology.
struct RunningRedis {
    nodes: Vec<RedisServer>,
    settings: Vec<(String, String)>,
    temp_dir: TempDir,
}

#[derive(Default)]
struct Measurements {
    accepts: Vec<Load>,
    drains: Vec<f64>,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let shapes = [Shape::Single, Shape::Cluster];
    let mut measured: [Measurements; 2] = Default::default();
    for run in 1..=effort.runs {
        for (shape, measured) in shapes.iter().zip(&mut measured) {
            report.step(format!("{}, run {run}", shape.words()));
            measured.accepts.push(RunningRedis::start(*shape).await.accept(effort).await);
            measured.drains.push(RunningRedis::start(*shape).await.drain(effort.jobs(JOBS)).await);
        }
    }
    let [single, cluster] = &measured;
    let name = format!("accept c{CONNECTIONS}, cluster / single");
    add(report, name, (&cluster.accepts, &single.accepts), Bound::None);
    report.add(Figure {
        name: format!("drain of {}, cluster / single", effort.jobs(JOBS)),
        ours: rate(&cluster.drains),
        other: rate(&single.drains),
        value: ratio(&cluster.drains, &single.drains),
        bound: Bound::None,
    });
}

impl Shape {
    fn words(self) -> &'static str {
        match self {
            Self::Single => "single Redis",
            Self::Cluster => "cluster",
        }
    }
}

impl RunningRedis {
    async fn start(shape: Shape) -> Self {
        let temp_dir = TempDir::new().expect("a folder of its own");
        if matches!(shape, Shape::Single) {
            let server =
                RedisServer::start_with(temp_dir.path(), &["--appendonly", "yes", "--save", ""]).await;
            let settings = vec![("RESEND_REDIS_URL".to_owned(), server.url())];
            return Self { nodes: vec![server], settings, temp_dir };
        }
        let cluster = RedisCluster::start(temp_dir.path(), 3, 0).await;
        let settings = [("RESEND_REDIS_URL", cluster.urls()), ("RESEND_REDIS_MODE", "cluster".to_owned())];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { nodes: cluster.nodes, settings, temp_dir }
    }

    async fn accept(&self, effort: Effort) -> Load {
        let builder = under_load();
        let stack = self.settings.iter().fold(builder, |builder, (name, value)| builder.set(name, value));
        let stack = stack.start().await;
        let api = &stack.apis[0];
        let watched: Vec<&Process> =
            std::iter::once(&api.process).chain(self.nodes.iter().map(RedisServer::process)).collect();
        let asking = LoadOptions { connections: CONNECTIONS, seconds: effort.seconds, watched };
        Requests::resends(stack.folder()).run(&api.url, &asking).await
    }

    async fn drain(&self, jobs: usize) -> f64 {
        let queue = queue_of(&Settings::from_pairs(self.settings.iter().cloned()).expect("right settings"));
        queue.deliveries().make_group().await.expect("a running Redis");
        fill(&queue, jobs).await;
        let _worker = start_role("worker", &self.settings, self.temp_dir.path()).await;
        drain_rate(jobs, remaining_in(queue)).await
    }
}

/// Counts through the queue, which finds the right node.
fn remaining_in(queue: Queue) -> impl Fn() -> Remaining {
    move || {
        let queue = queue.clone();
        Box::pin(async move {
            let overview = queue.operator().overview().await.expect("a running Redis");
            overview.ready + overview.running
        })
    }
}
