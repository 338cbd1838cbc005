//! The parts of the exploration: each widens the bare schedule in its own direction.

use crate::world::Budget;

/// One exploration.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Approvals of one patient with one phone.
    pub(crate) approvals: usize,
    pub(crate) left: Budget,
}

/// Every schedule of requests, workers and time, in which all goes well.
pub(crate) const NOTHING: Budget = Budget {
    faults: 0,
    losses: 0,
    odd_answers: 0,
    orders: 0,
    pauses: 0,
    repeats: 0,
    stops: 0,
    delays: 0,
    is_back_only: false,
};

/// Each widens the bare schedule in its own direction.
pub(crate) const PARTS: [Part; 8] = [
    Part { name: "a fault", approvals: 1, left: Budget { faults: 1, ..NOTHING } },
    Part { name: "a fault and a lost reply", approvals: 1, left: Budget { faults: 1, losses: 1, ..NOTHING } },
    Part { name: "two faults", approvals: 1, left: Budget { faults: 2, ..NOTHING } },
    Part {
        name: "a fault and a gateway that refuses, fails or lies",
        approvals: 1,
        left: Budget { faults: 1, odd_answers: 1, ..NOTHING },
    },
    Part {
        name: "such a gateway, a lost reply and a slow worker",
        approvals: 1,
        left: Budget { odd_answers: 2, losses: 1, delays: 1, ..NOTHING },
    },
    Part {
        name: "an operator, a repeated request and a run cut short",
        approvals: 1,
        left: Budget { orders: 1, repeats: 1, stops: 1, ..NOTHING },
    },
    Part {
        name: "an operator who pauses and cancels, and a fault",
        approvals: 1,
        left: Budget { faults: 1, orders: 1, pauses: 1, ..NOTHING },
    },
    Part { name: "two jobs for one phone", approvals: 2, left: Budget { losses: 1, ..NOTHING } },
];

impl Part {
    /// The same with more of everything.
    pub(crate) fn widened(mut self) -> Self {
        let left = &mut self.left;
        (left.faults, left.losses) = ((left.faults + 1).min(2), (left.losses + 1).min(2));
        (left.odd_answers, left.delays) = ((left.odd_answers + 1).min(2), left.delays.max(1));
        self
    }
}
