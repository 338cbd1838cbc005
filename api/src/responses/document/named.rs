//! Replaces the inline content of answers by references to named schemas, so that a generated client has one type for
//! each, which it can choose by status.

use utoipa::Modify;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{OpenApi, Ref, RefOr};

/// The schemas' names: of the answer, with the name of its data.
const ANSWER: &str = "Success_";

/// Inserts the references.
pub(super) struct Named;

impl Modify for Named {
    fn modify(&self, document: &mut OpenApi) {
        let Some(components) = &mut document.components else { return };
        for (name, schema) in &mut components.schemas {
            if let (Some(held), RefOr::T(Schema::Object(answer))) = (name.strip_prefix(ANSWER), schema) {
                answer.properties.insert("data".to_owned(), Ref::from_schema_name(held).into());
            }
        }
    }
}
