//! One call of Redis with both possible results: its reply is received, or it is lost.

use crate::store::Store;
use crate::world::World;

/// The world after one possible result of an action.
pub(crate) struct Successor {
    pub(crate) world: World,
    /// Whether the actor received the reply.
    pub(crate) heard: bool,
    /// A description of the reply.
    pub(crate) answer: String,
    /// The invariant that was violated.
    pub(crate) violation: Option<String>,
}

/// Both possible results of one call of Redis.
pub(crate) struct Call<'a> {
    world: &'a World,
    store: Store,
    is_confirmed: bool,
    pub(crate) answer: String,
    /// Redis refused the call, so there is no reply to lose.
    is_refused: bool,
}

impl<'a> Call<'a> {
    /// A call with this result, which left Redis in this state.
    pub(crate) fn new<T: std::fmt::Debug, E: std::fmt::Display>(
        world: &'a World,
        (result, store): (&Result<T, E>, Store),
    ) -> Self {
        let answer = match result {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!("refused: {error}"),
        };
        Self { world, store, is_confirmed: false, answer, is_refused: result.is_err() }
    }

    /// Replicas confirm the call if its reply is received.
    pub(crate) fn confirmed(self) -> Self {
        Self { is_confirmed: true, ..self }
    }

    /// Replaces the description of the reply.
    pub(crate) fn saying(self, answer: impl Into<String>) -> Self {
        if self.is_refused { self } else { Self { answer: answer.into(), ..self } }
    }

    fn next(&self, heard: bool, change: impl FnOnce(&mut World)) -> Successor {
        let mut world = self.world.clone();
        world.set_store(self.store.clone(), self.is_confirmed && heard);
        change(&mut world);
        Successor { world, heard, answer: self.answer.clone(), violation: None }
    }

    /// `known` is applied whether or not the reply arrives.
    pub(crate) fn both(
        self,
        known: impl Fn(&mut World),
        heard: impl FnOnce(&mut World),
        unheard: impl FnOnce(&mut World),
    ) -> Vec<Successor> {
        let mut all = Vec::with_capacity(2);
        if !self.is_refused {
            all.push(self.next(true, |world| {
                known(world);
                heard(world);
            }));
        }
        if self.is_refused || self.world.budget.losses > 0 {
            all.push(self.next(false, |world| {
                world.budget.losses -= u8::from(!self.is_refused);
                known(world);
                unheard(world);
            }));
        }
        all
    }

    /// A call whose reply nobody waits for.
    pub(crate) fn alone(self, change: impl FnOnce(&mut World)) -> Vec<Successor> {
        vec![self.next(true, change)]
    }
}
