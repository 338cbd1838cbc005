//! One call of Redis, both ways it may go: its reply is heard, or it is lost.

use crate::store::Store;
use crate::world::World;

/// One way an action may go.
pub(crate) struct Next {
    pub(crate) world: World,
    /// Whether the actor heard the reply.
    pub(crate) heard: bool,
    /// What was answered, in words.
    pub(crate) answer: String,
    /// What does not hold.
    pub(crate) broken: Option<String>,
}

/// Both ways of one call of Redis.
pub(crate) struct Call<'a> {
    world: &'a World,
    store: Store,
    is_confirmed: bool,
    pub(crate) answer: String,
    /// Redis refused it: the actor knows that nothing is known.
    is_refused: bool,
}

impl<'a> Call<'a> {
    /// A call with this result, after which Redis holds this.
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

    /// Replicas confirm it where its reply is heard.
    pub(crate) fn confirmed(self) -> Self {
        Self { is_confirmed: true, ..self }
    }

    /// What was answered, in words.
    pub(crate) fn saying(self, answer: impl Into<String>) -> Self {
        if self.is_refused { self } else { Self { answer: answer.into(), ..self } }
    }

    fn next(&self, heard: bool, change: impl FnOnce(&mut World)) -> Next {
        let mut world = self.world.clone();
        world.set_store(self.store.clone(), self.is_confirmed && heard);
        change(&mut world);
        Next { world, heard, answer: self.answer.clone(), broken: None }
    }

    /// `known` changes what is so whether or not the reply comes.
    pub(crate) fn both(
        self,
        known: impl Fn(&mut World),
        heard: impl FnOnce(&mut World),
        unheard: impl FnOnce(&mut World),
    ) -> Vec<Next> {
        let mut all = Vec::with_capacity(2);
        if !self.is_refused {
            all.push(self.next(true, |world| {
                known(world);
                heard(world);
            }));
        }
        if self.is_refused || self.world.left.losses > 0 {
            all.push(self.next(false, |world| {
                world.left.losses -= u8::from(!self.is_refused);
                known(world);
                unheard(world);
            }));
        }
        all
    }

    /// Where nobody waits for the reply.
    pub(crate) fn alone(self, change: impl FnOnce(&mut World)) -> Vec<Next> {
        vec![self.next(true, change)]
    }
}
