//! Other paths of the same routes: the platform and its clients write links to jobs in three ways.

use utoipa::Modify;
use utoipa::openapi::{Deprecated, OpenApi, PathItem};

/// Paths that begin so are described once, and served under the others too.
const JOBS: &str = "/Jobs/";
const ALIASES: [(&str, &str); 2] = [("/jobs/", "LowerCase"), ("/api/jobs/", "UnderApi")];

/// Adds them.
pub(super) struct Aliases;

impl Modify for Aliases {
    fn modify(&self, document: &mut OpenApi) {
        let described: Vec<(String, PathItem)> = document
            .paths
            .paths
            .iter()
            .filter_map(|(path, item)| Some((path.strip_prefix(JOBS)?.to_owned(), item.clone())))
            .collect();
        for (rest, item) in described {
            for (start, name) in ALIASES {
                document.paths.paths.insert(format!("{start}{rest}"), renamed(item.clone(), name));
            }
        }
    }
}

/// The same under a name of its own, and deprecated: new clients use the first path.
fn renamed(mut item: PathItem, name: &str) -> PathItem {
    if let Some(operation) = &mut item.get {
        operation.deprecated = Some(Deprecated::True);
        operation.operation_id = operation.operation_id.take().map(|id| format!("{id}{name}"));
    }
    item
}
