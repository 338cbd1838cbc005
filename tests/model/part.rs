//! The parts of the exploration: each extends the bare schedule in its own direction.

use crate::world::Budget;

/// One exploration.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    /// Approvals of one patient with one phone.
    pub(crate) approvals: usize,
    pub(crate) budget: Budget,
}

/// The bare schedule: requests, workers and time, without anything going wrong.
pub(crate) const NO_BUDGET: Budget = Budget {
    faults: 0,
    losses: 0,
    odd_answers: 0,
    operator_actions: 0,
    pauses: 0,
    repeats: 0,
    stops: 0,
    delays: 0,
    is_back_only: false,
};

/// Each extends the bare schedule in its own direction.
pub(crate) const PARTS: [Part; 8] = [
    Part { name: "a fault", approvals: 1, budget: Budget { faults: 1, ..NO_BUDGET } },
    Part {
        name: "a fault and a lost reply",
        approvals: 1,
        budget: Budget { faults: 1, losses: 1, ..NO_BUDGET },
    },
    Part { name: "two faults", approvals: 1, budget: Budget { faults: 2, ..NO_BUDGET } },
    Part {
        name: "a fault and a gateway that refuses, fails or lies",
        approvals: 1,
        budget: Budget { faults: 1, odd_answers: 1, ..NO_BUDGET },
    },
    Part {
        name: "such a gateway, a lost reply and a slow worker",
        approvals: 1,
        budget: Budget { odd_answers: 2, losses: 1, delays: 1, ..NO_BUDGET },
    },
    Part {
        name: "an operator, a repeated request and a run cut short",
        approvals: 1,
        budget: Budget { operator_actions: 1, repeats: 1, stops: 1, ..NO_BUDGET },
    },
    Part {
        name: "an operator who pauses and cancels, and a fault",
        approvals: 1,
        budget: Budget { faults: 1, operator_actions: 1, pauses: 1, ..NO_BUDGET },
    },
    Part { name: "two jobs for one phone", approvals: 2, budget: Budget { losses: 1, ..NO_BUDGET } },
];

impl Part {
    /// The same with a larger budget.
    pub(crate) fn widened(mut self) -> Self {
        let budget = &mut self.budget;
        (budget.faults, budget.losses) = ((budget.faults + 1).min(2), (budget.losses + 1).min(2));
        (budget.odd_answers, budget.delays) = ((budget.odd_answers + 1).min(2), budget.delays.max(1));
        self
    }
}
