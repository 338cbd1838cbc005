//! Reads the imports and the paths out of a source file, without its comments, strings and tests.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Path of a module from the root of its crate.
pub(super) type Module = Vec<String>;

/// What a file names.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Each import: the path, and the name it has here.
    pub(super) imports: Vec<(Vec<String>, String)>,
    /// Names it hands on.
    pub(super) re_exports: HashMap<String, Vec<String>>,
    /// Paths in its code.
    pub(super) paths: Vec<Vec<String>>,
    /// Single names in its code.
    pub(super) names: HashSet<String>,
}

/// Every module of the crate in this folder.
pub(super) fn read(root: &Path) -> BTreeMap<Module, Source> {
    let mut modules = BTreeMap::new();
    read_folder(root, &[], &mut modules);
    modules
}

fn read_folder(folder: &Path, module: &[String], modules: &mut BTreeMap<Module, Source>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap().to_owned();
        let below = [module, std::slice::from_ref(&name)].concat();
        // Programs beside a library are crates of their own.
        if path.is_dir() && name != "bin" {
            read_folder(&path, &below, modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_root =
                module.is_empty() && (name == "lib" || name == "main" && !folder.join("lib.rs").exists());
            let text = std::fs::read_to_string(&path).unwrap();
            modules.insert(if is_root { Vec::new() } else { below }, parse(&text));
        }
    }
}

/// What this text names.
pub(super) fn parse(text: &str) -> Source {
    let tokens = without_tests(&tokens(text));
    let (mut source, mut at) = (Source::default(), 0);
    while at < tokens.len() {
        if tokens[at] == "use" && (at == 0 || ["}", ";", "]", "{", "pub", ")"].contains(&&*tokens[at - 1])) {
            let end = at + tokens[at..].iter().position(|token| token == ";").unwrap_or(0);
            let is_public = at > 0 && ["pub", ")"].contains(&&*tokens[at - 1]);
            for (path, name) in leaves(&tokens[at + 1..end], &[]) {
                if is_public {
                    source.re_exports.insert(name, path);
                } else {
                    source.imports.push((path, name));
                }
            }
            at = end;
        } else if is_name(&tokens[at]) {
            let path = path_at(&tokens[at..]);
            let is_foreign = at > 0 && tokens[at - 1] == "::";
            at += 2 * path.len() - 2;
            if path.len() == 1 {
                source.names.extend(path);
            } else if !is_foreign {
                source.names.insert(path[0].clone());
                source.paths.push(path);
            }
        }
        at += 1;
    }
    source
}

fn path_at(tokens: &[String]) -> Vec<String> {
    let mut path = vec![tokens[0].clone()];
    for pair in tokens[1..].chunks_exact(2) {
        if pair[0] != "::" || !is_name(&pair[1]) {
            break;
        }
        path.push(pair[1].clone());
    }
    path
}

/// The paths of one `use`, groups opened, each with the name it has here.
fn leaves(tokens: &[String], before: &[String]) -> Vec<(Vec<String>, String)> {
    let Some(open) = tokens.iter().position(|token| token == "{") else {
        let alias = tokens.iter().position(|token| token == "as");
        let of_path = &tokens[..alias.unwrap_or(tokens.len())];
        if of_path.first().is_none_or(|first| first == "::") {
            return Vec::new();
        }
        let mut path =
            [before, &of_path.iter().filter(|token| *token != "::").cloned().collect::<Vec<_>>()].concat();
        path.pop_if(|last| last == "self");
        let name = alias.map_or(path.last(), |alias| tokens.get(alias + 1)).cloned().unwrap_or_default();
        return vec![(path, name)];
    };
    let mut before = before.to_vec();
    before.extend(tokens[..open].iter().filter(|token| *token != "::").cloned());
    let (mut depth, mut found, mut start) = (0, Vec::new(), open + 1);
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && token == "," {
            found.extend(leaves(&tokens[start..index], &before));
            start = index + 1;
        }
    }
    found
}

/// Leaves out what stands behind `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].iter().zip(MARK).filter(|(token, mark)| token == mark).count() < MARK.len() {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        for token in &tokens[at + MARK.len()..] {
            at += 1;
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (token == "}" || token == ";") {
                break;
            }
        }
        at += MARK.len();
    }
    kept
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::`, and single signs; no comments, strings or lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let (mut rest, mut found) = (text, Vec::<String>::new());
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or(0);
        if length > 0 {
            rest = &rest[length..];
            continue;
        }
        let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if rest.starts_with("::") { 2 } else { name.max(first.len_utf8()) };
        found.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    found
}

/// How much of the beginning is no code: white space, a comment, a literal, a lifetime.
fn skipped(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if first.is_whitespace() {
        return Some(first.len_utf8());
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map(|end| end + 2);
    }
    let prefix = rest.find(|c| !matches!(c, 'r' | 'b' | 'c')).unwrap_or(0);
    let quoted = &rest[prefix..];
    if rest[..prefix].contains('r') {
        let hashes = quoted.len() - quoted.trim_start_matches('#').len();
        let start = prefix + hashes + 1;
        let end = format!("\"{}", "#".repeat(hashes));
        return quoted[hashes..].strip_prefix('"')?.find(&end).map(|at| start + at + end.len());
    }
    if let Some(text) = quoted.strip_prefix('"') {
        return Some(prefix + 1 + end_of_literal(text, '"'));
    }
    let text = quoted.strip_prefix('\'')?;
    let mut letters = text.chars();
    let is_letter = letters.next() == Some('\\') || letters.next() == Some('\'');
    Some(prefix + 1 + if is_letter { end_of_literal(text, '\'') } else { 0 })
}

/// Behind the closing quote; one behind a backslash does not close.
fn end_of_literal(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    let end = text.char_indices().find(|(_, letter)| {
        let closes = *letter == quote && !is_escaped;
        is_escaped = *letter == '\\' && !is_escaped;
        closes
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}
