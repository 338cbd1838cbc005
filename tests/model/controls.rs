//! Fences, each removed from its script: the explorer must find the violation that the fence prevents. The first five
//! are faults that the scripts once had; the explorer itself found the next two.

use crate::part::{NO_BUDGET, Part};
use crate::relay::Edit;

use crate::world::Budget;

/// A fence that is removed.
pub(crate) struct Control {
    /// What becomes possible without it.
    pub(crate) name: &'static str,
    pub(crate) edits: &'static [Edit],
    pub(crate) part: Part,
    /// The beginning of the violation's description.
    pub(crate) expected_violation: &'static str,
}

/// Controls that take too long for the short form.
pub(crate) const SLOW: [&str; 2] = [CONTROLS[0].name, CONTROLS[3].name];

const fn control(
    name: &'static str,
    edits: &'static [Edit],
    budget: Budget,
    expected_violation: &'static str,
) -> Control {
    Control { name, edits, part: Part { name, approvals: 1, budget }, expected_violation }
}

/// All of them.
pub(crate) const CONTROLS: [Control; 20] = [
    control(
        "a 503 with a time is believed each time, though the message was taken",
        &[
            (" or job.open + job.believed >= unsure_allowed", ""),
            ("unsure_allowed - open_allowed - job.believed", "9"),
        ],
        Budget { odd_answers: 3, ..NO_BUDGET },
        "I2",
    ),
    control(
        "Redis' clock is set forward, and every lease has lapsed",
        &[
            ("if now > tonumber(ARGV[14]) then return {'0-0', {}, {}, 0, 1} end", ""),
            ("if newest < now - ARGV[15] or", "if false and"),
        ],
        Budget { faults: 1, ..NO_BUDGET },
        "I2",
    ),
    Control {
        name: "a later offer ends the codes before it",
        edits: &[(
            "code.hash, code.offered = hash, now",
            "code.hash, code.offered, phone.codes = hash, now, {}",
        )],
        part: Part { name: "a later offer ends the codes before it", approvals: 2, budget: NO_BUDGET },
        expected_violation: "code",
    },
    control(
        "Redis' clock is set back, and a job that was put back waits for it",
        &[("if #due == 0 then", "if false then")],
        Budget { faults: 1, odd_answers: 1, is_back_only: true, ..NO_BUDGET },
        "I1",
    ),
    control(
        "leave is given whatever the deadline",
        &[("if job.deadline - now < LEAST_LEFT then return 'late' end", "")],
        Budget { delays: 5, ..NO_BUDGET },
        "I5",
    ),
    control(
        "leave does not renew a lease that has grown old",
        &[("if job.idle > lease / 2 then", "if false then")],
        Budget { faults: 1, ..NO_BUDGET },
        "I2",
    ),
    control(
        "a send is named by entry and number alone",
        &[("job.this = record[3], job.consumer .. ':' .. job.entry", "job.this = record[3], job.entry")],
        Budget { faults: 1, losses: 1, ..NO_BUDGET },
        "counts",
    ),
    control(
        "leave is given to whoever asks",
        &[("if not job.owned then return 'lost' end", "job.idle = job.idle or 0")],
        Budget { faults: 1, ..NO_BUDGET },
        "I2",
    ),
    control(
        "leave asked for again is counted again",
        &[("if record[4] == job.this then return 'again' end", "")],
        Budget { losses: 1, ..NO_BUDGET },
        "counts",
    ),
    control(
        "a job is ended by whoever says so",
        &[("job.owned and state and not has_ended(state)", "state and not has_ended(state)")],
        Budget { faults: 1, ..NO_BUDGET },
        "I6",
    ),
    control(
        "a job is put back by whoever says so",
        &[(
            "if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end\nlocal record = fields_of(KEYS[2], 'state', 'deadline', 'open', 'tries')",
            "local record = fields_of(KEYS[2], 'state', 'deadline', 'open', 'tries')",
        )],
        Budget { faults: 1, stops: 1, ..NO_BUDGET },
        "I",
    ),
    control(
        "a job is handed back by whoever says so",
        &[(
            "if not owns(KEYS[1], ARGV[1], ARGV[3], ARGV[2], ARGV[4]) then return 'lost' end\nlocal record, now",
            "local record, now",
        )],
        Budget { faults: 1, stops: 1, ..NO_BUDGET },
        "I",
    ),
    control(
        "a heartbeat takes an entry back from who has it now",
        &[("delivery.owned and held or lost", "held")],
        Budget { faults: 1, ..NO_BUDGET },
        "I",
    ),
    control(
        "entries are taken over before their lease has lapsed",
        &[
            (
                "local id, idle, deliveries = pending[1], pending[3]",
                "local id, idle, deliveries = pending[1], lease",
            ),
            ("ARGV[2], lease, id", "ARGV[2], 0, id"),
        ],
        NO_BUDGET,
        "I2",
    ),
    control(
        "a hand-over is settled twice",
        &[("if record[1] ~= ARGV[1] then return 0 end", "")],
        Budget { odd_answers: 2, losses: 1, ..NO_BUDGET },
        "counts",
    ),
    control(
        "a job is cancelled whose send has begun",
        &[(
            "if record[1] == 'sending' or tonumber(record[2] or 0) + tonumber(record[7] or 0) > 0 then return 'begun' end",
            "",
        )],
        Budget { operator_actions: 1, ..NO_BUDGET },
        "I6",
    ),
    control(
        "a request whose answer was lost is another when it is repeated",
        &[("or repeated(job) ", "")],
        Budget { losses: 1, ..NO_BUDGET },
        "again",
    ),
    control(
        "a pause ends by itself",
        &[(
            "'SET', KEYS[1], before or int(now_ms()))",
            "'SET', KEYS[1], before or int(now_ms()), 'PX', 5000)",
        )],
        Budget { pauses: 1, ..NO_BUDGET },
        "pause",
    ),
    control(
        "workers do not look whether the queue is paused",
        &[("redis.call('EXISTS', KEYS[1])", "0")],
        Budget { pauses: 1, ..NO_BUDGET },
        "pause",
    ),
    control(
        "a second request makes a second job",
        &[("or join_live(job) ", "")],
        Budget { repeats: 1, ..NO_BUDGET },
        "slot",
    ),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn scripts(folder: &Path, texts: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                scripts(&path, texts);
            } else if path.extension().is_some_and(|name| name == "lua") {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// The explorer reports this too, but only after a minute; and the slow controls are not in its short form.
    #[test]
    fn every_fence_stands_in_the_scripts() {
        let mut texts = Vec::new();
        scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src"), &mut texts);
        for Control { name, edits, .. } in &CONTROLS {
            for (fence, _) in *edits {
                assert!(texts.iter().any(|text| text.contains(fence)), "{name}: no script has {fence}");
            }
        }
    }
}
