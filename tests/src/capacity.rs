//! How many machines a load needs: a small fluid simulation of the queue with measured parameters. Its results are
//! compared with measurements before it is used beyond them (`tests` below). It knows means, not the tails of a busy
//! machine.

mod points;
mod table;

pub use points::{MEASURED, Points};
pub use table::{LOADS, Load, of_one_client, table};

/// Step of the simulation, seconds: well below any time it must resolve.
const STEP: f64 = 0.001;

/// The resources of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// Queues, each on a Redis process with its own core.
    pub queues: f64,
    /// Cores of APIs.
    pub api_cores: f64,
    /// Cores of workers.
    pub worker_cores: f64,
    /// Slots of all workers.
    pub slots: f64,
    /// Mean length of one run, seconds.
    pub run: f64,
    /// Messages a second that the gateways take.
    pub gateway: f64,
}

/// The result of a simulated run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// Jobs accepted a second, mean.
    pub accepted: f64,
    /// Jobs ended a second, mean until the backlog was gone or the time ended.
    pub ended: f64,
    /// Seconds until the backlog was gone; infinite if it was not.
    pub drained: f64,
    /// Longest wait of a job, seconds.
    pub longest_wait: f64,
}

/// Simulates `seconds` of a fleet that starts with a backlog, at this many requests a second.
pub fn play(points: &Points, fleet: &Fleet, backlog: f64, asked: f64, seconds: f64) -> Course {
    let (mut waiting, mut accepted, mut ended, mut at) = (backlog, 0.0, 0.0, 0.0);
    let mut course = Course { accepted: 0.0, ended: 0.0, drained: f64::INFINITY, longest_wait: 0.0 };
    while at < seconds {
        // A Redis process runs one script at a time: time spent on accepts is not available for ends, and vice versa.
        let redis = fleet.queues * STEP * 1e6;
        let taken =
            (asked * STEP).min(fleet.api_cores * STEP * 1e6 / points.api_us).min(redis / points.enqueue_us);
        let left = redis - taken * points.enqueue_us;
        let done =
            served(points, fleet).min(left / STEP / points.finish_us).min((waiting + taken) / STEP) * STEP;
        (waiting, accepted, ended, at) = (waiting + taken - done, accepted + taken, ended + done, at + STEP);
        course.longest_wait = course.longest_wait.max(waiting / (done / STEP).max(f64::MIN_POSITIVE));
        if waiting < 0.5 && course.drained.is_infinite() {
            course.drained = at;
            if asked <= 0.0 {
                break;
            }
        }
    }
    (course.accepted, course.ended) = (accepted / at, ended / at);
    course
}

/// Jobs a second that the workers, their slots and the gateways allow.
fn served(points: &Points, fleet: &Fleet) -> f64 {
    let slots = if fleet.run > 0.0 { fleet.slots / fleet.run } else { f64::INFINITY };
    slots.min(fleet.worker_cores * 1e6 / points.worker_us).min(fleet.gateway)
}

#[cfg(test)]
mod tests {
    use shared::settings::{ApprovalLimits, Settings};

    use super::*;

    /// The factor by which a simulated figure may differ from the measured one: repeated measurements on the same
    /// machine differ by as much.
    const TOLERANCE: f64 = 1.3;

    fn near(what: &str, simulated: f64, measured: f64, tolerance: f64) {
        let off = (simulated / measured).max(measured / simulated);
        assert!(off <= tolerance, "{what}: simulated {simulated:.0}, measured {measured:.0}");
    }

    /// A fleet on this much of a machine, divided by need.
    fn on(cores: f64, program_us: f64, redis_us: f64) -> Fleet {
        let of = |us: f64| cores * us / (program_us + redis_us);
        let (worker_cores, api_cores, queues) = (of(program_us), of(program_us), of(redis_us));
        Fleet { queues, api_cores, worker_cores, slots: 64.0, run: 0.0, gateway: f64::INFINITY }
    }

    #[test]
    fn every_measured_drain_is_reproduced_from_the_share_of_the_machine_that_the_longest_had() {
        let points = Points::read(MEASURED).unwrap();
        let fleet = on(points.drain_cores, points.worker_us, points.finish_us);
        for (jobs, rate) in &points.drains {
            let course = play(&points, &fleet, *jobs, 0.0, 3_600.0);
            near("drain", course.ended, *rate, TOLERANCE);
            near("wait at this backlog", course.drained, jobs / rate, TOLERANCE);
        }
    }

    #[test]
    fn every_measured_accept_is_reproduced_from_the_share_of_the_machine_that_one_had() {
        let points = Points::read(MEASURED).unwrap();
        let cores = on(points.accept_cores, points.api_us, points.enqueue_us);
        let fleet = Fleet { slots: 0.0, run: 1.0, ..cores };
        let course = play(&points, &fleet, 0.0, 1e6, 5.0);
        for measured in &points.accepts {
            near("accept", course.accepted, *measured, TOLERANCE);
        }
        // Without the append-only file a request costs both programs less, on as many cores.
        let (api_us, enqueue_us, measured) = points.without_aof;
        let lighter = Points { api_us, enqueue_us, ..points.clone() };
        let fleet = Fleet { slots: 0.0, run: 1.0, ..on(points.accept_cores, api_us, enqueue_us) };
        let course = play(&lighter, &fleet, 0.0, 1e6, 5.0);
        near("accept without AOF", course.accepted, measured, TOLERANCE);
    }

    #[test]
    fn a_gateway_bounds_whatever_is_behind_it_and_what_waits_grows() {
        let points = Points::read(MEASURED).unwrap();
        let fleet = Fleet { slots: 640.0, run: 0.3, gateway: 100.0, ..on(2.0, 1.0, 1.0) };
        let course = play(&points, &fleet, 0.0, 150.0, 60.0);
        near("ended", course.ended, 100.0, 1.01);
        near("wait", course.longest_wait, 30.0, 1.01);
    }

    #[test]
    fn the_document_holds_the_table_that_the_simulation_makes() {
        let table = table(&Points::read(MEASURED).unwrap());
        assert!(MEASURED.contains(&table), "deploy/capacity.md should hold:\n{table}");
    }

    #[test]
    fn the_document_holds_what_one_client_can_fill_and_doctor_reckons_with_no_less() {
        let points = Points::read(MEASURED).unwrap();
        let table = of_one_client(&points);
        assert!(MEASURED.contains(&table), "deploy/capacity.md should hold:\n{table}");
        let limits = ApprovalLimits::from_settings(&Settings::default()).unwrap();
        assert!(table.contains(&format!("| {} |", limits.jobs_per_client_minute * 24 * 60)), "{table}");
        #[allow(clippy::cast_precision_loss)]
        let reckoned = worker::ops::capacity::BYTES_A_JOB as f64;
        assert!(reckoned >= points.bytes_finished, "{reckoned}");
    }
}
