//! `/sandbox/faults`: the list is shown, replaced, added to and cleared.

use axum::{Json, extract::State, http::StatusCode};
use bytes::Bytes;

use super::{
    faults::Fault,
    refusal::{Refusal, read_json},
    state::Shared,
};

/// `GET`: the faults in force, with the times they are still to strike.
pub(crate) async fn show(State(sandbox): State<Shared>) -> Json<Vec<Fault>> {
    Json(sandbox.faults.all())
}

/// `PUT`: these and no others.
pub(crate) async fn replace(State(sandbox): State<Shared>, body: Bytes) -> Result<Json<Vec<Fault>>, Refusal> {
    let faults: Vec<Fault> =
        read_json(&body).map_err(|refusal| refusal.hint("PUT takes a list of faults, POST a single one"))?;
    faults.iter().try_for_each(Fault::check).map_err(Refusal::invalid)?;
    sandbox.faults.edit(|list| *list = faults);
    Ok(show(State(sandbox)).await)
}

/// `POST`: one more.
pub(crate) async fn add(State(sandbox): State<Shared>, body: Bytes) -> Result<Json<Vec<Fault>>, Refusal> {
    let fault: Fault =
        read_json(&body).map_err(|refusal| refusal.hint("POST takes a single fault, PUT a list of them"))?;
    fault.check().map_err(Refusal::invalid)?;
    sandbox.faults.edit(|list| list.push(fault));
    Ok(show(State(sandbox)).await)
}

/// `DELETE`: none.
pub(crate) async fn clear(State(sandbox): State<Shared>) -> StatusCode {
    sandbox.faults.edit(Vec::clear);
    StatusCode::NO_CONTENT
}
