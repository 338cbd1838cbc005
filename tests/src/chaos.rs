//! The queue's promises under faults: a fleet of real processes, faults between and inside them, clients that record
//! the answers they got, and checks of these records against the gateway's ledger and the final content of Redis.

pub mod black_hole;
pub mod check;
pub mod client_request;
pub mod clock;
pub mod endings;
pub mod env;
pub mod evidence;
pub mod leaks;
pub mod load;
pub mod metrics;
pub mod orphans;
pub mod polling;
pub mod power;
pub mod proxy;
pub mod records;
pub mod refusals;
pub mod sandbox_faults;
pub mod scenario_result;
pub mod script_work;
pub mod seed;
pub mod shim;
pub mod targets;
