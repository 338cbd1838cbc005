//! The dependencies between modules, and cycles among modules in the same parent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::source::{Module, Source};

/// Re-exports followed for one name; more would be a circle of them.
const MOST_RE_EXPORTS: usize = 8;

/// A crate's modules, and an edge for each that names something of another.
pub(super) struct Graph {
    sources: BTreeMap<Module, Source>,
    edges: BTreeSet<(Module, Module)>,
}

impl Graph {
    pub(super) fn of(sources: BTreeMap<Module, Source>) -> Self {
        let mut graph = Self { sources, edges: BTreeSet::new() };
        let found = graph.sources.iter().flat_map(|(module, source)| {
            graph.needed(module, source).into_iter().map(move |needed| (module.clone(), needed))
        });
        graph.edges = found.filter(|(from, to)| from != to).collect();
        graph
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &Module> {
        self.sources.keys()
    }

    pub(super) fn edges(&self) -> impl Iterator<Item = &(Module, Module)> {
        self.edges.iter()
    }

    /// Every edge that is part of a circle, or between two, of modules side by side.
    pub(super) fn circles(&self) -> Vec<String> {
        let mut levels = BTreeMap::<&[String], Vec<(&str, &str, String)>>::new();
        for (from, to) in &self.edges {
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            // A module and what lies in it are one thing, seen from outside.
            if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                let shown = format!("{} → {}", from.join("::"), to.join("::"));
                levels.entry(&from[..common]).or_default().push((one, other, shown));
            }
        }
        levels.into_values().flat_map(left_in_circles).collect()
    }

    /// The modules whose names this one uses.
    fn needed(&self, module: &Module, source: &Source) -> Vec<Module> {
        let mut needed = Vec::new();
        let mut modules = HashMap::new();
        for (path, name) in &source.imports {
            let Some(path) = self.absolute(module, path) else { continue };
            match self.defining(&path, 0) {
                Some((of, [])) => _ = modules.insert(name, of),
                Some((of, _)) => needed.push(of),
                None => {}
            }
        }
        let handed_on = source.re_exports.iter().filter(|(name, _)| source.names.contains(*name));
        let paths = handed_on.map(|(_, path)| path).chain(&source.paths);
        needed.extend(paths.filter_map(|path| {
            let path = match modules.get(&path[0]) {
                Some(of) => [of, &path[1..]].concat(),
                None => self.absolute(module, path)?,
            };
            Some(self.defining(&path, 0)?.0)
        }));
        needed
    }

    /// A path from the crate's root; `None` for another crate's.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        match path[0].as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat()),
            _ => {
                let path = [module, path].concat();
                self.sources.contains_key(&path[..=module.len()]).then_some(path)
            }
        }
    }

    /// The module that defines what a path names, and what of the path is left there.
    fn defining<'a>(&self, path: &'a [String], followed: usize) -> Option<(Module, &'a [String])> {
        let depth = (0..=path.len()).rev().find(|depth| self.sources.contains_key(&path[..*depth]))?;
        let (module, rest) = path.split_at(depth);
        let re_export = rest.first().and_then(|name| self.sources[module].re_exports.get(name));
        let Some(re_export) = re_export.filter(|_| followed < MOST_RE_EXPORTS) else {
            return Some((module.to_vec(), rest));
        };
        let path = self.absolute(module, re_export)?;
        let (module, left) = self.defining(&path, followed + 1)?;
        Some((module, if left.is_empty() { &rest[1..] } else { rest }))
    }
}

/// Repeatedly removes modules without dependents or without dependencies; only cycles are left.
fn left_in_circles(mut edges: Vec<(&str, &str, String)>) -> Vec<String> {
    loop {
        let before = edges.len();
        let needing: BTreeSet<_> = edges.iter().map(|(from, ..)| *from).collect();
        let needed: BTreeSet<_> = edges.iter().map(|(_, to, _)| *to).collect();
        edges.retain(|(from, to, _)| needing.contains(to) && needed.contains(from));
        if edges.len() == before {
            return edges.into_iter().map(|(.., shown)| shown).collect();
        }
    }
}
