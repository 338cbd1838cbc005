//! All decisions before a message is sent: the guard, the limits and the codes.
//!
//! | key | what it holds | written by |
//! |---|---|---|
//! | phone | messages sent to it, its codes, failed checks | leave, finish, checks |
//! | patient | messages for its approvals | leave |
//! | client, total | messages counted by slots of five seconds | leave |
//! | checks of a client | failed checks, counted the same way | checks |

pub mod codes;
pub mod guard;
pub mod limits;
pub mod permit;
pub mod phone_names;
pub mod phones;

/// The text of a script behind what this whole layer shares: the preludes, limits, and the records of phones and
/// patients.
macro_rules! script_text {
    ($file:literal) => {
        concat!(
            include_str!("redis/prelude.lua"),
            include_str!("queue/prelude.lua"),
            include_str!("queue/limits.lua"),
            include_str!("queue/phone.lua"),
            include_str!("queue/patient.lua"),
            include_str!(concat!("sending/", $file))
        )
    };
}

const LEAVE: &str = script_text!("leave.lua");
const GUESS: &str = script_text!("codes/guess.lua");
const SPEND: &str = script_text!("codes/spend.lua");
const UNLOCK: &str = script_text!("codes/unlock.lua");
