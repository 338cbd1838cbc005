//! Explores every schedule within the bounds, breadth first, so that a violation is found with its shortest trace. Each
//! state is expanded once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::action::Action;
use crate::call::Successor;
use crate::invariants;
use crate::relay::Edit;
use crate::rig::Rig;
use crate::transition::successors;
use crate::world::{Budget, World};

/// What to explore, and how far.
#[derive(Clone)]
pub(crate) struct Bounds {
    pub(crate) workers: usize,
    pub(crate) approvals: usize,
    pub(crate) budget: Budget,
    /// Most steps of a schedule.
    pub(crate) depth: u16,
    /// Time limit.
    pub(crate) time: Duration,
    /// How many threads explore, each with its own Redis.
    pub(crate) threads: usize,
    /// The fences to remove.
    pub(crate) edits: Vec<Edit>,
}

/// The result of an exploration.
pub(crate) struct ExploreResult {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    /// Paths through the states that lead to an end, without loops.
    pub(crate) schedules: f64,
    pub(crate) depth: u16,
    pub(crate) took: Duration,
    /// States that were not expanded, because of depth or time.
    pub(crate) cut: usize,
    pub(crate) found: Option<Violation>,
    /// How many edits matched in the scripts.
    pub(crate) edited: usize,
}

/// A violated invariant, and the trace that leads to it.
#[derive(Clone)]
pub(crate) struct Violation {
    pub(crate) description: String,
    /// Each action, and the index of its result.
    pub(crate) trace: Vec<TraceStep>,
}

/// An action, and the index of its result.
pub(crate) type TraceStep = (Action, usize);

/// A known state.
struct Node {
    parent: u32,
    step: TraceStep,
    depth: u16,
    is_done: bool,
    is_cut: bool,
}

#[derive(Default)]
struct Exploration {
    seen: HashMap<u128, u32>,
    nodes: Vec<Node>,
    edges: Vec<(u32, u32)>,
    waiting: VecDeque<(u32, World)>,
    /// Explorers that are expanding a state.
    busy: usize,
    found: Option<(u16, Violation)>,
    is_over: bool,
    edited: usize,
}

struct Explorer<'a> {
    bounds: &'a Bounds,
    exploration: Mutex<Exploration>,
    changed: Condvar,
    until: Instant,
}

/// Explores everything within the bounds.
pub(crate) fn explore(bounds: &Bounds) -> ExploreResult {
    let began = Instant::now();
    let explorer = Explorer {
        bounds,
        exploration: Mutex::default(),
        changed: Condvar::new(),
        until: began + bounds.time,
    };
    std::thread::scope(|scope| {
        for number in 0..bounds.threads {
            let explorer = &explorer;
            scope.spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(explorer.run(number == 0));
            });
        }
    });
    let exploration = explorer.exploration.into_inner().unwrap_or_else(PoisonError::into_inner);
    exploration.into_result(began.elapsed())
}

impl Explorer<'_> {
    async fn run(&self, is_first: bool) {
        let mut rig = Rig::start(self.bounds.edits.clone()).await;
        let store = rig.begin().await;
        if is_first {
            let world = World::new(store, self.bounds.workers, self.bounds.approvals, self.bounds.budget);
            self.lock().add(None, (Action::Tick, 0), world);
            self.changed.notify_all();
        }
        while let Some((node, world)) = self.next() {
            for action in Action::all(&world) {
                self.expand(&mut rig, node, &world, action).await;
            }
            let mut exploration = self.lock();
            exploration.busy -= 1;
            exploration.edited = exploration.edited.max(rig.edited());
            self.changed.notify_all();
        }
    }

    async fn expand(&self, rig: &mut Rig, node: u32, world: &World, action: Action) {
        for (way, mut next) in successors(rig, world, action).await.into_iter().enumerate() {
            let violation = match next.violation.take() {
                Some(violation) => Some(violation),
                None => invariants::check(rig, &mut next.world).await,
            };
            let mut exploration = self.lock();
            match violation {
                Some(violation) => exploration.record_violation(node, (action, way), violation),
                None => exploration.add(Some(node), (action, way), next.world),
            }
            self.changed.notify_one();
        }
    }

    /// The next state to expand; `None` once everything is explored, or a violation was found.
    fn next(&self) -> Option<(u32, World)> {
        let mut exploration = self.lock();
        loop {
            if exploration.is_over {
                return None;
            }
            if Instant::now() > self.until {
                exploration.is_over = true;
            } else if let Some((node, world)) = exploration.waiting.pop_front() {
                let depth = exploration.nodes[node as usize].depth;
                let is_late = exploration.found.as_ref().is_some_and(|(found, _)| depth + 1 >= *found);
                if is_late {
                    exploration.is_over = true;
                } else if depth >= self.bounds.depth {
                    exploration.nodes[node as usize].is_cut = true;
                    continue;
                } else {
                    exploration.busy += 1;
                    return Some((node, world));
                }
            } else if exploration.busy == 0 && !exploration.nodes.is_empty() {
                exploration.is_over = true;
            } else {
                let waited = self.changed.wait_timeout(exploration, Duration::from_secs(1));
                exploration = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            self.changed.notify_all();
            return None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Exploration> {
        self.exploration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exploration {
    fn add(&mut self, parent: Option<u32>, step: TraceStep, world: World) {
        let digest = world.digest();
        if let Some(&node) = self.seen.get(&digest) {
            return self.edges.extend(parent.map(|parent| (parent, node)));
        }
        let node = u32::try_from(self.nodes.len()).expect("fewer than four billion states");
        let depth = parent.map_or(0, |parent| self.nodes[parent as usize].depth + 1);
        let is_done = world.is_done();
        self.nodes.push(Node { parent: parent.unwrap_or(0), step, depth, is_done, is_cut: false });
        self.edges.extend(parent.map(|parent| (parent, node)));
        self.seen.insert(digest, node);
        self.waiting.push_back((node, world));
    }

    fn record_violation(&mut self, parent: u32, step: TraceStep, violation: String) {
        let depth = self.nodes[parent as usize].depth + 1;
        if self.found.as_ref().is_none_or(|(found_at, _)| depth < *found_at) {
            let mut trace = self.trace(parent);
            trace.push(step);
            self.found = Some((depth, Violation { description: violation, trace }));
        }
    }

    fn trace(&self, mut node: u32) -> Vec<TraceStep> {
        let mut trace = Vec::new();
        while node > 0 {
            let Node { parent, step, .. } = &self.nodes[node as usize];
            trace.push(*step);
            node = *parent;
        }
        trace.reverse();
        trace
    }

    fn into_result(mut self, took: Duration) -> ExploreResult {
        for (node, _) in std::mem::take(&mut self.waiting) {
            self.nodes[node as usize].is_cut = true;
        }
        let found = self.found.take().map(|(_, found)| found).or_else(|| self.find_stuck_state());
        ExploreResult {
            states: self.nodes.len(),
            steps: self.edges.len(),
            schedules: self.schedules(),
            depth: self.nodes.iter().map(|node| node.depth).max().unwrap_or(0),
            took,
            cut: self.nodes.iter().filter(|node| node.is_cut).count(),
            found,
            edited: self.edited,
        }
    }

    /// I1: finds a state from which not all jobs can end. States that were not expanded count as able to end.
    fn find_stuck_state(&self) -> Option<Violation> {
        let mut into: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        self.edges.iter().for_each(|(from, to)| into[*to as usize].push(*from));
        let mut can_end: Vec<bool> = self.nodes.iter().map(|node| node.is_done || node.is_cut).collect();
        let mut ends: Vec<usize> = (0..self.nodes.len()).filter(|node| can_end[*node]).collect();
        while let Some(node) = ends.pop() {
            for from in into[node].iter().map(|from| *from as usize) {
                if !std::mem::replace(&mut can_end[from], true) {
                    ends.push(from);
                }
            }
        }
        let stuck = (0..self.nodes.len())
            .filter(|node| !can_end[*node])
            .min_by_key(|node| self.nodes[*node].depth)?;
        let trace = self.trace(u32::try_from(stuck).ok()?);
        Some(Violation {
            description: "I1: from here no way leads to the end of every job within four minutes".to_owned(),
            trace,
        })
    }

    /// The number of paths from the first state to finished ones, counting each state once per path: along edges that
    /// lead deeper.
    fn schedules(&self) -> f64 {
        let mut deeper: Vec<(u32, u32)> = self.edges.clone();
        deeper.retain(|(from, to)| self.nodes[*from as usize].depth < self.nodes[*to as usize].depth);
        deeper.sort_by_key(|(from, _)| self.nodes[*from as usize].depth);
        let mut paths = vec![0.0; self.nodes.len()];
        if let Some(first) = paths.first_mut() {
            *first = 1.0;
        }
        for (from, to) in &deeper {
            paths[*to as usize] += paths[*from as usize];
        }
        // Starts from 0, because the sum of nothing is -0.
        self.nodes.iter().zip(paths).filter(|(node, _)| node.is_done).fold(0.0, |sum, (_, paths)| sum + paths)
    }
}

/// Runs a trace again, and reports the result of each step.
pub(crate) async fn replay(
    bounds: &Bounds,
    trace: &[TraceStep],
    mut tell: impl FnMut(&World, Action, &Successor),
) {
    let mut rig = Rig::start(bounds.edits.clone()).await;
    let mut world = World::new(rig.begin().await, bounds.workers, bounds.approvals, bounds.budget);
    for (action, way) in trace {
        let next = successors(&mut rig, &world, *action).await.into_iter().nth(*way);
        let mut next = next.expect("the same steps are there again");
        tell(&world, *action, &next);
        let _ = invariants::check(&mut rig, &mut next.world).await;
        world = next.world;
    }
}
