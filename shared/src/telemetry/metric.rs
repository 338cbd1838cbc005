//! Names of the metrics, exactly as in the contract, and their help texts in `/metrics`. Labels never hold an id or a
//! phone number, and each has few values.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Counter: jobs stored by this process.
pub const JOBS_ACCEPTED: &str = "resend_jobs_accepted_total";
/// Counter by `status_code`: jobs ended by this process.
pub const JOBS_FINISHED: &str = "resend_jobs_finished_total";
/// Histogram, seconds from accept to the start of a job's first run.
pub const JOB_WAIT: &str = "resend_job_wait_seconds";
/// Histogram, seconds of one run.
pub const JOB_RUN: &str = "resend_job_run_seconds";
/// Histogram: deliveries a job needed to end.
pub const JOB_DELIVERIES: &str = "resend_job_deliveries";
/// Counter by `channel`, `result`.
pub const SMS: &str = "resend_sms_total";
/// Counter by `channel`, `state`.
pub const SMS_RECEIPTS: &str = "resend_sms_receipts_total";
/// Histogram, seconds of one submission.
pub const SMS_SECONDS: &str = "resend_sms_seconds";
/// Histogram by `service`, `result`: seconds of one upstream call.
pub const UPSTREAM_SECONDS: &str = "resend_upstream_seconds";
/// Counter by `limit`.
pub const LIMIT_HITS: &str = "resend_limit_hits_total";
/// Counter: messages sent to an approval's number that the person's methods no longer have.
pub const FORMER_PHONES: &str = "resend_former_phones_total";
/// Counter: failed sign-ins at the board.
pub const BOARD_SIGN_INS_FAILED: &str = "resend_board_sign_ins_failed_total";
/// Counter by `route`, `method`, `code`.
pub const HTTP_REQUESTS: &str = "resend_http_requests_total";
/// Histogram by `route`: seconds of one request.
pub const HTTP_SECONDS: &str = "resend_http_seconds";
/// Gauge by `server`: open connections.
pub const HTTP_CONNECTIONS: &str = "resend_http_connections";
/// Counter by `server`, `reason` (`total`, `address`): connections refused because too many were open.
pub const HTTP_CONNECTIONS_REFUSED: &str = "resend_http_connections_refused_total";
/// Gauge by `server`, `phase` (`connections`, `requests`, `bodies`, `waits`): how many there may be at once.
pub const HTTP_BOUND: &str = "resend_http_bound";
/// Gauge by `phase` (`requests` being worked on, `bodies` being received, `waits` for a job): how many there are.
pub const HTTP_IN_FLIGHT: &str = "resend_http_in_flight";
/// Counter by `phase`: requests refused because the phase was full.
pub const HTTP_REFUSED: &str = "resend_http_refused_total";
/// Gauge: clients that wait for a job.
pub const HTTP_WAITING: &str = "resend_http_waiting";
/// Histogram: seconds between a job's predicted and actual end.
pub const ETA_ERROR: &str = "resend_eta_error_seconds";
/// Gauge by `service`, `version`: always 1.
pub const BUILD_INFO: &str = "resend_build_info";
/// Gauge by `upstream`: 0 where it answers, 1 while it fails or is silent, 2 while it refuses our credentials or account.
pub const UPSTREAM_DOWN: &str = "resend_upstream_down";
/// Gauge: entries held by workers that are gone.
pub const QUEUE_ORPHANED: &str = "resend_queue_orphaned_jobs";
/// Gauge by `state`.
pub const QUEUE_JOBS: &str = "resend_queue_jobs";
/// Gauge: age of the oldest waiting job.
pub const QUEUE_OLDEST: &str = "resend_queue_oldest_seconds";
/// Gauge: live workers.
pub const WORKERS: &str = "resend_workers";
/// Gauge: 1 while the queue is paused.
pub const PAUSED: &str = "resend_queue_paused";
/// Gauge: 1 while Redis answers this process.
pub const REDIS_UP: &str = "resend_redis_up";
/// Gauge: findings about Redis that would lose accepted jobs.
pub const REDIS_UNSAFE: &str = "resend_redis_unsafe";

/// Gives every metric its help text. The figures of the queue are the same in every process: `max by (state)`, not `sum`.
pub fn describe() {
    counters();
    histograms();
    gauges();
    connections();
}

fn counters() {
    describe_counter!(JOBS_ACCEPTED, Unit::Count, "Jobs stored by this process.");
    describe_counter!(
        JOBS_FINISHED,
        Unit::Count,
        "Jobs ended by this process, by the status code of their outcome."
    );
    describe_counter!(SMS, Unit::Count, "Messages handed to a gateway, by channel and result.");
    describe_counter!(
        SMS_RECEIPTS,
        Unit::Count,
        "Delivery receipts received by this process, repeated ones too, by channel and state."
    );
    describe_counter!(BOARD_SIGN_INS_FAILED, Unit::Count, "Failed sign-ins at the board.");
    describe_counter!(LIMIT_HITS, Unit::Count, "Requests and jobs refused by a limit on messages.");
    describe_counter!(
        FORMER_PHONES,
        Unit::Count,
        "Messages to the number of an approval that the person's authentication methods no longer have."
    );
    describe_counter!(
        HTTP_REQUESTS,
        Unit::Count,
        "HTTP requests answered, by route, method and status code."
    );
}

fn connections() {
    describe_gauge!(HTTP_CONNECTIONS, Unit::Count, "Open connections, by server: api, admin or worker.");
    describe_gauge!(
        HTTP_BOUND,
        Unit::Count,
        "Most requests allowed at once in each phase; also most connections."
    );
    describe_gauge!(
        HTTP_IN_FLIGHT,
        Unit::Count,
        "Requests in each phase: in flight, sending a body, waiting for a job."
    );
    describe_counter!(
        HTTP_REFUSED,
        Unit::Count,
        "Requests turned away, or not let wait, because too many were in that phase already."
    );
    describe_counter!(
        HTTP_CONNECTIONS_REFUSED,
        Unit::Count,
        "Connections answered 503 or cut because too many were open, by server and bound."
    );
}

fn histograms() {
    describe_histogram!(JOB_WAIT, Unit::Seconds, "From the accept of a job to the start of its first run.");
    describe_histogram!(JOB_RUN, Unit::Seconds, "One run of a job, from its start to its recorded end.");
    describe_histogram!(
        JOB_DELIVERIES,
        Unit::Count,
        "Deliveries a job needed to end; 1 unless a worker was lost."
    );
    describe_histogram!(SMS_SECONDS, Unit::Seconds, "One submission of a message to a gateway.");
    describe_histogram!(
        UPSTREAM_SECONDS,
        Unit::Seconds,
        "One call of an upstream service, by service and result."
    );
    describe_histogram!(HTTP_SECONDS, Unit::Seconds, "One HTTP request, a wait it asked for included.");
    describe_histogram!(
        ETA_ERROR,
        Unit::Seconds,
        "Difference between the predicted and the actual end of a job."
    );
}

fn gauges() {
    describe_gauge!(
        QUEUE_JOBS,
        Unit::Count,
        "Jobs by state, the same figure in every process: max by (state)."
    );
    describe_gauge!(
        QUEUE_OLDEST,
        Unit::Seconds,
        "Age of the oldest entry, waiting or held by a worker: max over processes."
    );
    describe_gauge!(
        BUILD_INFO,
        Unit::Count,
        "Always 1; the labels say which program runs, in which version."
    );
    describe_gauge!(
        UPSTREAM_DOWN,
        Unit::Count,
        "0 while the upstream answers this process, 1 while it fails or does not answer, 2 while it refuses our credentials."
    );
    describe_gauge!(
        QUEUE_ORPHANED,
        Unit::Count,
        "Entries held by workers that are gone, the same figure in every process: max."
    );
    describe_gauge!(WORKERS, Unit::Count, "Workers that live, the same figure in every process: max.");
    describe_gauge!(HTTP_WAITING, Unit::Count, "Clients of this process that wait for a job.");
    describe_gauge!(PAUSED, Unit::Count, "1 while an operator has paused the queue: max over processes.");
    describe_gauge!(REDIS_UP, Unit::Count, "1 while Redis answers this process.");
    describe_gauge!(REDIS_UNSAFE, Unit::Count, "Findings about Redis that would lose accepted jobs.");
}
