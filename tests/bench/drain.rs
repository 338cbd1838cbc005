//! (c) Drain of a job that does nothing through our backend, against the scripts' own ceiling: the same reads and the
//! same script driven by a bare pipelined loop.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use shared::config::Settings;
use shared::message::Message;
use shared::outcome::{Outcome, Refusal};
use shared::queue::{Delivery, GROUP, Partition, Queue};
use tests::place::Place;
use tests::redis_server::RedisServer;

use super::Effort;
use super::load::rss_mib;
use super::report::{Asked, Figure, Report, median};
use super::server::{queue_of, start_role};
use super::workers::{drained, fill};

/// What a read answers: streams, their entries, and the fields of each.
type Streams = Vec<(String, Vec<(String, Vec<String>)>)>;

const PARTITION: Partition = Partition(0);
const BACKLOGS: [usize; 2] = [20_000, 200_000];

/// Entries read, and finishes under way, at once in the bare loop.
const AT_ONCE: usize = 64;

#[allow(clippy::cast_precision_loss)]
pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    eprintln!("drain");
    let mut costs = Vec::new();
    for backlog in BACKLOGS {
        let (mut ours, mut ceilings) = (Vec::new(), Vec::new());
        for _ in 0..effort.runs {
            ceilings.push(backlog as f64 / bare_loop(backlog).await.as_secs_f64());
            ours.push(backlog as f64 / our_worker(backlog, report).await.as_secs_f64());
        }
        let ratios = ours.iter().zip(&ceilings).map(|(ours, ceiling)| ours / ceiling).collect();
        let (ours, ceiling) = (median(ours), median(ceilings));
        costs.push(1.0 / ours);
        report.add(Figure {
            name: format!("drain of {backlog} / the scripts' ceiling"),
            ours: format!("{ours:.0}/s"),
            other: format!("{ceiling:.0}/s"),
            value: median(ratios),
            asked: Asked::AtLeast(0.7),
        });
    }
    report.add(Figure {
        name: format!("cost per job at {} / at {}", BACKLOGS[1], BACKLOGS[0]),
        ours: format!("{:.1} µs", costs[1] * 1e6),
        other: format!("{:.1} µs", costs[0] * 1e6),
        value: costs[1] / costs[0],
        asked: Asked::AtMost(1.1),
    });
}

/// A Redis with so many jobs in its queue.
async fn filled(backlog: usize) -> (Place, RedisServer, Vec<(String, String)>, Queue) {
    let place = Place::new().expect("a folder of its own");
    let server = RedisServer::start_with(place.path(), &["--appendonly", "no", "--save", ""]).await;
    let settings = vec![("RESEND_REDIS_URL".to_owned(), server.url())];
    let queue = queue_of(&Settings::from_pairs(settings.iter().cloned()).expect("right settings"));
    queue.make_groups(&[PARTITION]).await.expect("a running Redis");
    fill(&queue, backlog).await;
    (place, server, settings, queue)
}

async fn our_worker(backlog: usize, report: &mut Report) -> Duration {
    let (place, server, settings, _) = filled(backlog).await;
    let start = Instant::now();
    let (process, _) = start_role("worker", &settings, place.path()).await;
    let took = drained(&server, start).await;
    if backlog == BACKLOGS[1] {
        let rss = rss_mib(&process);
        report.add(Figure {
            name: "RSS of a worker after the drain, MiB".into(),
            ours: format!("{rss:.1}"),
            other: "20".into(),
            value: rss,
            asked: Asked::AtMost(20.0),
        });
    }
    took
}

/// The same XREADGROUP and the same *finish*, with nothing around them.
async fn bare_loop(backlog: usize) -> Duration {
    let (_place, server, _, queue) = filled(backlog).await;
    let mut connection = server.connection().await;
    let outcome = Outcome::Refused(Refusal::PersonNotFound);
    let start = Instant::now();
    let mut done = 0;
    while done < backlog {
        let entries = read(&mut connection).await;
        done += entries.len();
        stream::iter(entries)
            .for_each_concurrent(AT_ONCE, |delivery| {
                let (queue, outcome) = (&queue, &outcome);
                async move {
                    queue
                        .finish(&delivery, outcome, Duration::from_millis(1))
                        .await
                        .expect("a running Redis");
                }
            })
            .await;
    }
    start.elapsed()
}

async fn read(connection: &mut redis::aio::MultiplexedConnection) -> Vec<Delivery> {
    let mut command = redis::cmd("XREADGROUP");
    command.arg("GROUP").arg(GROUP).arg("bare").arg("COUNT").arg(AT_ONCE).arg("STREAMS");
    command.arg("resend:{0}:stream").arg(">");
    let answer: Streams = command.query_async(connection).await.expect("entries");
    let entries = answer.into_iter().flat_map(|(_, entries)| entries);
    let delivery = |(entry, fields): (String, Vec<String>)| Delivery {
        message: Message::decode(fields[1].as_bytes()).expect("a message of ours"),
        accepted_ms: fields[3].parse().expect("a time of ours"),
        partition: PARTITION,
        entry,
        consumer: "bare".into(),
        number: 1,
    };
    entries.map(delivery).collect()
}
