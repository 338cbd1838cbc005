//! The error table of `submit_sm_resp` (`command_status`, SMPP 3.4, section 5.1.3). A status other than 0 says that the
//! message was not accepted; whether to try again is our judgement. Each row has a test against a local SMSC
//! (`every_row_of_the_error_table_against_an_smsc`).
//!
//! | status | what | what is done |
//! |---|---|---|
//! | 0x58, 0x14 | throttled, queue full | the channel rests for a second, then again |
//! | 0x08, 0x64 | system error, temporary error | again; another channel may be asked |
//! | 0x0B, 0x50, 0x51 | the phone's number | given up: nobody will take it |
//! | 0x01, 0x04, 0x05, 0x07, 0x0A, 0x0D–0x0F, 0x15, 0x43, 0x48, 0x49, 0x53, 0x61, 0x62 (after one try without a validity period), 0x65, 0x100–0x104 … | the account, the sender, how we ask | closed until somebody acts: another channel, else given up |
//! | 0x45, 0xFE, 0xFF and unknown ones | failed | may have been taken: once more at most |

use std::time::Duration;

use crate::sms::SubmitResult;

/// How long a throttled channel rests, because SMPP has no way to say it.
const REST: Duration = Duration::from_secs(1);

/// `ESME_RINVEXPIRY`: the SMSC accepts no validity period, or not this one.
pub(super) const INVALID_VALIDITY: u32 = 0x62;

pub(super) fn refusal(status: u32) -> SubmitResult {
    match status {
        0x14 | 0x58 => SubmitResult::Throttled { retry_after: Some(REST) },
        0x08 | 0x64 => SubmitResult::Throttled { retry_after: None },
        0x0B | 0x50 | 0x51 => SubmitResult::Rejected,
        0x01..=0x07
        | 0x0A
        | 0x0C..=0x0F
        | 0x11
        | 0x13
        | 0x15
        | 0x33..=0x44
        | 0x48
        | 0x49
        | 0x53..=0x55
        | 0x61..=0x63
        | 0x65
        | 0x66
        | 0xC0..=0xC4
        | 0x100..=0x106 => SubmitResult::ChannelUnavailable,
        _ => SubmitResult::Indeterminate { silent: false },
    }
}
