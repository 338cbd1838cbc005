//! Goes through every schedule up to the bounds, breadth first, so that what is found has the shortest story. A state that
//! was seen is not gone on from again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::action::Action;
use crate::call::Next;
use crate::holds;
use crate::relay::Edit;
use crate::rig::Rig;
use crate::take::take;
use crate::world::{Budget, World};

/// What is explored, and how far.
#[derive(Clone)]
pub(crate) struct Bounds {
    pub(crate) workers: usize,
    pub(crate) approvals: usize,
    pub(crate) left: Budget,
    /// Steps of a schedule.
    pub(crate) depth: u16,
    /// Longest it may take.
    pub(crate) time: Duration,
    /// How many explore at once, each with a Redis of its own.
    pub(crate) threads: usize,
    /// Fences that are taken out.
    pub(crate) edits: Vec<Edit>,
}

/// What an exploration came to.
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    /// Paths through the states that lead to an end, without loops.
    pub(crate) schedules: f64,
    pub(crate) depth: u16,
    pub(crate) took: Duration,
    /// States that were not gone on from, for depth or time.
    pub(crate) cut: usize,
    pub(crate) found: Option<Found>,
    /// How many edits were found in the scripts.
    pub(crate) edited: usize,
}

/// What does not hold, and how it came to be.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) broken: String,
    /// Each action, and whether its reply was heard.
    pub(crate) trace: Vec<Happened>,
}

/// An action, and which of the ways it may go it went.
pub(crate) type Happened = (Action, usize);

/// A state that was seen.
struct Node {
    parent: u32,
    happened: Happened,
    depth: u16,
    is_done: bool,
    is_cut: bool,
}

#[derive(Default)]
struct Known {
    seen: HashMap<u128, u32>,
    nodes: Vec<Node>,
    edges: Vec<(u32, u32)>,
    waiting: VecDeque<(u32, World)>,
    /// Explorers that are at a state.
    busy: usize,
    found: Option<(u16, Found)>,
    is_over: bool,
    edited: usize,
}

struct Explorer<'a> {
    bounds: &'a Bounds,
    known: Mutex<Known>,
    changed: Condvar,
    until: Instant,
}

/// Explores all there is within the bounds.
pub(crate) fn explore(bounds: &Bounds) -> Explored {
    let began = Instant::now();
    let explorer =
        Explorer { bounds, known: Mutex::default(), changed: Condvar::new(), until: began + bounds.time };
    std::thread::scope(|scope| {
        for number in 0..bounds.threads {
            let explorer = &explorer;
            scope.spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(explorer.run(number == 0));
            });
        }
    });
    let known = explorer.known.into_inner().unwrap_or_else(PoisonError::into_inner);
    known.summed_up(began.elapsed())
}

impl Explorer<'_> {
    async fn run(&self, is_first: bool) {
        let mut rig = Rig::start(self.bounds.edits.clone()).await;
        let store = rig.begin().await;
        if is_first {
            let world = World::new(store, self.bounds.workers, self.bounds.approvals, self.bounds.left);
            self.known().add(None, (Action::Tick, 0), world);
            self.changed.notify_all();
        }
        while let Some((node, world)) = self.next() {
            for action in Action::all(&world) {
                self.go_on(&mut rig, node, &world, action).await;
            }
            let mut known = self.known();
            known.busy -= 1;
            known.edited = known.edited.max(rig.edited());
            self.changed.notify_all();
        }
    }

    async fn go_on(&self, rig: &mut Rig, node: u32, world: &World, action: Action) {
        for (way, mut next) in take(rig, world, action).await.into_iter().enumerate() {
            let broken = match next.broken.take() {
                Some(broken) => Some(broken),
                None => holds::check(rig, &mut next.world).await,
            };
            let mut known = self.known();
            match broken {
                Some(broken) => known.note(node, (action, way), broken),
                None => known.add(Some(node), (action, way), next.world),
            }
            self.changed.notify_one();
        }
    }

    /// The next state to go on from; nothing once all is explored, or something was found.
    fn next(&self) -> Option<(u32, World)> {
        let mut known = self.known();
        loop {
            if known.is_over {
                return None;
            }
            if Instant::now() > self.until {
                known.is_over = true;
            } else if let Some((node, world)) = known.waiting.pop_front() {
                let depth = known.nodes[node as usize].depth;
                let is_late = known.found.as_ref().is_some_and(|(found, _)| depth + 1 >= *found);
                if is_late {
                    known.is_over = true;
                } else if depth >= self.bounds.depth {
                    known.nodes[node as usize].is_cut = true;
                    continue;
                } else {
                    known.busy += 1;
                    return Some((node, world));
                }
            } else if known.busy == 0 && !known.nodes.is_empty() {
                known.is_over = true;
            } else {
                let waited = self.changed.wait_timeout(known, Duration::from_secs(1));
                known = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            self.changed.notify_all();
            return None;
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, parent: Option<u32>, happened: Happened, world: World) {
        let mark = world.mark();
        if let Some(&node) = self.seen.get(&mark) {
            return self.edges.extend(parent.map(|parent| (parent, node)));
        }
        let node = u32::try_from(self.nodes.len()).expect("fewer than four billion states");
        let depth = parent.map_or(0, |parent| self.nodes[parent as usize].depth + 1);
        let is_done = world.is_done();
        self.nodes.push(Node { parent: parent.unwrap_or(0), happened, depth, is_done, is_cut: false });
        self.edges.extend(parent.map(|parent| (parent, node)));
        self.seen.insert(mark, node);
        self.waiting.push_back((node, world));
    }

    fn note(&mut self, parent: u32, happened: Happened, broken: String) {
        let depth = self.nodes[parent as usize].depth + 1;
        if self.found.as_ref().is_none_or(|(known, _)| depth < *known) {
            let mut trace = self.trace(parent);
            trace.push(happened);
            self.found = Some((depth, Found { broken, trace }));
        }
    }

    fn trace(&self, mut node: u32) -> Vec<Happened> {
        let mut trace = Vec::new();
        while node > 0 {
            let Node { parent, happened, .. } = &self.nodes[node as usize];
            trace.push(*happened);
            node = *parent;
        }
        trace.reverse();
        trace
    }

    fn summed_up(mut self, took: Duration) -> Explored {
        for (node, _) in std::mem::take(&mut self.waiting) {
            self.nodes[node as usize].is_cut = true;
        }
        let found = self.found.take().map(|(_, found)| found).or_else(|| self.without_end());
        Explored {
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

    /// I1: a state from which no way leads to the end of all jobs. Of those that were not gone on from nothing is known.
    fn without_end(&self) -> Option<Found> {
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
        Some(Found {
            broken: "I1: from here no way leads to the end of every job within four minutes".to_owned(),
            trace,
        })
    }

    /// Paths from the beginning to states where nothing is left to be done, each state once on a path: along edges that
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
        // From 0, not from the -0 that the sum of nothing is.
        self.nodes.iter().zip(paths).filter(|(node, _)| node.is_done).fold(0.0, |sum, (_, paths)| sum + paths)
    }
}

/// The same again, step by step: what each step answered.
pub(crate) async fn replay(bounds: &Bounds, trace: &[Happened], mut tell: impl FnMut(&World, Action, &Next)) {
    let mut rig = Rig::start(bounds.edits.clone()).await;
    let mut world = World::new(rig.begin().await, bounds.workers, bounds.approvals, bounds.left);
    for (action, way) in trace {
        let next = take(&mut rig, &world, *action).await.into_iter().nth(*way);
        let mut next = next.expect("the same steps are there again");
        tell(&world, *action, &next);
        let _ = holds::check(&mut rig, &mut next.world).await;
        world = next.world;
    }
}
