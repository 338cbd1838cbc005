//! From one machine to internet scale, by the same simulation.

use std::fmt::Write as _;
use std::time::Duration;

use worker::ops::capacity::{BYTES_A_JOB, MOST_BYTES_A_JOB, OfOneClient};

use super::{Fleet, Points, play};

/// The share of a core that is planned for: the rest is for bursts, and for the loss of a neighbour.
const BUSY: f64 = 0.5;

/// CPU of a worker for two look-ups and one message over TLS, µs: an estimate, because the bench measures without TLS.
const CALLS_US: f64 = 400.0;

/// Mean run with two look-ups and a gateway over the internet, seconds: an estimate.
const RUN: f64 = 0.35;

/// Jobs of a client in a minute: twice the messages it may have, by default 600.
const JOBS_PER_CLIENT_MINUTE: u64 = 1_200;

/// Slots of one worker, the default.
const SLOTS: f64 = 64.0;

/// A load to plan for.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Its name.
    pub name: &'static str,
    /// Jobs a second at the peak.
    pub peak: f64,
    /// Jobs in a day, all kept for a day.
    pub day: f64,
    /// Regions, each with its own queues and workers.
    pub regions: f64,
}

/// The loads of the document.
pub const LOADS: [Load; 4] = [
    Load { name: "one machine", peak: 100.0, day: 1e6, regions: 1.0 },
    Load { name: "a region of clinics", peak: 10.0, day: 4e4, regions: 1.0 },
    Load { name: "the whole country", peak: 200.0, day: 1e6, regions: 1.0 },
    Load { name: "internet scale", peak: 1e6, day: 4e10, regions: 10.0 },
];

/// The smallest fleet that keeps every core at most half busy.
fn fleet_for(points: &Points, peak: f64) -> Fleet {
    let cores = |us: f64| (peak * us / 1e6 / BUSY).ceil().max(1.0);
    let slots = (peak * RUN / BUSY / SLOTS).ceil().max(2.0) * SLOTS;
    Fleet {
        queues: cores(points.enqueue_us + points.real_finish_us),
        api_cores: cores(points.api_us),
        worker_cores: cores(points.worker_us + CALLS_US),
        slots,
        run: RUN,
        gateway: f64::INFINITY,
    }
}

/// How much one client can have stored after a day within its default limits, as Markdown.
pub fn of_one_client(points: &Points) -> String {
    let jobs = OfOneClient::new(JOBS_PER_CLIENT_MINUTE, Duration::from_hours(24)).jobs;
    let mut text =
        String::from("| one client within its limits, kept for a day | jobs | Redis GB |\n|---|---|---|\n");
    let rows = [("usual results", 0), ("each result as large as one may be", MOST_BYTES_A_JOB - BYTES_A_JOB)];
    for (what, more) in rows {
        #[allow(clippy::cast_precision_loss, reason = "far below the bound of a double")]
        let gigabytes = jobs as f64 * (points.bytes_finished + more as f64) / 1e9;
        let _ = writeln!(text, "| {what} | {jobs} | {gigabytes:.2} |");
    }
    text
}

/// The table as Markdown, each line simulated over a minute of its peak.
pub fn table(points: &Points) -> String {
    let mut text = String::from(
        "| load | jobs/s at the peak | regions | queues | API cores | workers of 64 slots | worker cores | Redis GB for a day | simulated: ended/s, longest wait |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for load in LOADS {
        let fleet = fleet_for(points, load.peak);
        let charged = Points {
            worker_us: points.worker_us + CALLS_US,
            finish_us: points.real_finish_us,
            ..points.clone()
        };
        let course = play(&charged, &fleet, 0.0, load.peak, 60.0);
        let Load { name, peak, day, regions } = load;
        let gigabytes = points.bytes_finished * day / 1e9;
        let (workers, wait) = (fleet.slots / SLOTS, course.longest_wait.max(RUN));
        let Fleet { queues, api_cores, worker_cores, .. } = fleet;
        let _ = writeln!(
            text,
            "| {name} | {peak} | {regions} | {queues} | {api_cores} | {workers} | {worker_cores} | {gigabytes:.2} | {:.0}, {wait:.2} s |",
            course.ended
        );
    }
    text
}
