//! (c) Drain of jobs that do nothing through our backend, against the scripts' own ceiling: a bare pipelined loop with
//! the same reads and the same script.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use shared::domain::message::Message;
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{Delivery, GROUP};
use tests::keys::keys;

use super::Effort;
use super::backlog::{Backlog, drain_rate};
use super::report::{Bound, Figure, Report};
use super::series::{rate, ratio, spread};
use super::usage::{Meter, peak_rss_mib};
use super::workers::start_noop;

/// The reply to a read: streams, their entries, and the fields of each.
type Streams = Vec<(String, Vec<(String, Vec<String>)>)>;

const BACKLOGS: [usize; 3] = [20_000, 200_000, 1_000_000];

/// Batch size, and concurrent finishes, of the bare loop.
const CONCURRENCY: usize = 64;

/// Pairs of runs: the extra cost of a long backlog is a small difference between them.
const PAIRS: usize = 5;

/// Measurements of our worker over several runs.
#[derive(Default)]
struct DrainRuns {
    /// Rates of the bare loop, run alternately with ours.
    ceilings: Vec<f64>,
    rates: Vec<f64>,
    worker_us: Vec<f64>,
    redis_us: Vec<f64>,
    rss_mib: Vec<f64>,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let mut all: Vec<(usize, DrainRuns)> = Vec::new();
    for jobs in BACKLOGS.map(|jobs| effort.jobs(jobs)) {
        report.step(format!("drain of {jobs}: filling"));
        let backlog = Backlog::make(jobs).await;
        let mut ours = DrainRuns::default();
        for run in 1..=if effort.quick { 1 } else { effort.runs.max(PAIRS) } {
            report.step(format!("drain of {jobs}, run {run}"));
            ours.ceilings.push(bare_loop(&backlog).await);
            ours.run(&backlog).await;
        }
        report.add(Figure {
            name: format!("drain of {jobs} / the scripts' ceiling"),
            ours: ours.words(),
            other: rate(&ours.ceilings),
            value: ratio(&ours.rates, &ours.ceilings),
            bound: Bound::AtLeast(0.7),
        });
        all.push((jobs, ours));
    }
    add_costs(&all, report);
}

/// The cost of a job by length of backlog, next to that of the bare scripts; and the worker's memory.
fn add_costs(all: &[(usize, DrainRuns)], report: &mut Report) {
    let Some((fewest, few)) = all.first() else { return };
    let cost = |rates: &[f64]| rates.iter().map(|rate| 1e6 / rate).collect::<Vec<_>>();
    for (jobs, many) in &all[1..] {
        let (ours, bare) = (cost(&many.rates), ratio(&cost(&many.ceilings), &cost(&few.ceilings)));
        report.add(Figure {
            name: format!("cost per job at a backlog of {jobs} / of {fewest}"),
            ours: format!("{} against {}", spread(&ours, 1, " µs"), spread(&cost(&few.rates), 1, " µs")),
            other: format!("{bare:.2} of the bare scripts"),
            value: ratio(&ours, &cost(&few.rates)),
            bound: Bound::AtMost(bare + 0.03),
        });
    }
    let most = all.iter().flat_map(|(_, runs)| &runs.rss_mib).copied().fold(0.0, f64::max);
    report.add(Figure {
        name: "RSS of a worker, its peak over all drains, MiB".into(),
        ours: format!("{most:.1}"),
        other: "20".into(),
        value: most,
        bound: Bound::AtMost(20.0),
    });
}

impl DrainRuns {
    #[allow(clippy::cast_precision_loss)]
    async fn run(&mut self, backlog: &Backlog) {
        let served = backlog.start_redis().await;
        let remaining = served.remaining().await;
        let workers = start_noop(1, &served).await;
        let meter = Meter::start(&[&workers[0], served.server.process()]);
        self.rates.push(drain_rate(backlog.jobs, remaining).await);
        let cpu = meter.us_each(backlog.jobs as f64);
        self.worker_us.push(cpu[0]);
        self.redis_us.push(cpu[1]);
        self.rss_mib.push(peak_rss_mib(&workers[0]));
    }

    fn words(&self) -> String {
        let (worker, redis) = (spread(&self.worker_us, 0, ""), spread(&self.redis_us, 0, " µs"));
        format!("{}, CPU {worker} + {redis}", rate(&self.rates))
    }
}

/// The same XREADGROUP and the same *finish*, without anything around them.
#[allow(clippy::cast_precision_loss)]
async fn bare_loop(backlog: &Backlog) -> f64 {
    let served = backlog.start_redis().await;
    let mut connection = served.server.connection().await;
    let outcome = Outcome::Refused(Refusal::PersonNotFound);
    let start = Instant::now();
    let mut done = 0;
    while done < backlog.jobs {
        let entries = read(&mut connection).await;
        done += entries.len();
        stream::iter(entries)
            .for_each_concurrent(CONCURRENCY, |delivery| {
                let (queue, outcome) = (&served.queue, &outcome);
                async move {
                    let finished =
                        queue.deliveries().finish(&delivery, outcome, Duration::from_millis(1)).await;
                    finished.expect("a running Redis");
                }
            })
            .await;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

async fn read(connection: &mut redis::aio::MultiplexedConnection) -> Vec<Delivery> {
    let mut command = redis::cmd("XREADGROUP");
    command.arg("GROUP").arg(GROUP).arg("bare").arg("COUNT").arg(CONCURRENCY).arg("STREAMS");
    command.arg(keys().stream()).arg(">");
    let answer: Streams = command.query_async(connection).await.expect("entries");
    let entries = answer.into_iter().flat_map(|(_, entries)| entries);
    let delivery = |(entry, fields): (String, Vec<String>)| Delivery {
        message: Message::decode(fields[1].as_bytes()).expect("a message of ours"),
        accepted_ms: fields[3].parse().expect("a time of ours"),
        entry,
        consumer: "bare".into(),
        number: 1,
    };
    entries.map(delivery).collect()
}
