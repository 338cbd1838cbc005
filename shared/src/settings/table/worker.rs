//! Settings of the worker.

use super::Kind::{Address, Choice, HttpUrl, Number, Other};
use super::{Variable, secret, setting};

const SENDER: &str = "1 to 11 letters, digits, spaces, dots and dashes, or a number of up to 15 digits";
const TOKEN: &str = "a token of visible ASCII characters";
const TWILIO_URL: &str =
    "a URL with the account in it, such as https://api.twilio.com/2010-04-01/Accounts/AC…/Messages.json";
const SMPP_URL: &str = "smpp://system_id:password@host:port, the system id of at most 15 and the password of at most 8 \
                        visible ASCII characters, special ones as %XX";

/// The highest rate that can be set: more than any operator's contract allows.
const RATE: super::Kind = Number("messages a second", 1..=10_000);

pub(super) const SETTINGS: &[Variable] = &[
    setting(
        "RESEND_WORKER_LISTEN",
        "127.0.0.1:9090",
        Address,
        "address and port of the worker's health, metrics and board",
    ),
    setting(
        "RESEND_WORKER_CONCURRENCY",
        "64",
        Number("jobs", 1..=4_096),
        "jobs a worker runs at a time (slots)",
    ),
    secret(
        "RESEND_BOARD_TOKEN",
        "at least 16 visible ASCII characters",
        "when set, the worker serves the board behind this token",
    ),
    setting(
        "RESEND_REGISTRY_URL",
        "",
        HttpUrl,
        "base URL of the registry of persons and approvals; must be set",
    ),
    secret("RESEND_REGISTRY_TOKEN", TOKEN, "bearer token of the registry"),
    setting("RESEND_OTP_URL", "", HttpUrl, "base URL of the OTP service"),
    setting(
        "RESEND_LIMIT_COUNTRIES",
        "380",
        Other("country codes of 1 to 4 digits without a plus, comma-separated, or 0 for any"),
        "countries that messages may go to",
    ),
    setting(
        "RESEND_SMS_CHANNEL",
        "http",
        Other("http, smpp, turbosms or twilio, or several different ones, comma-separated"),
        "channels that send messages, in the order of fallback",
    ),
    setting(
        "RESEND_SMS_URL",
        "",
        HttpUrl,
        "URL of the gateway; this and the three settings with _TOKEN, _SENDER, _PER_SECOND also per channel, which wins",
    ),
    secret("RESEND_SMS_TOKEN", TOKEN, "bearer token of the gateway"),
    setting("RESEND_SMS_SENDER", "eHealth", Other(SENDER), "sender shown on the phone"),
    setting(
        "RESEND_SMS_TEXT",
        "Код авторизації дій в системі eHealth: {code}",
        Other("a text with {code} in it that fits one SMS"),
        "text of the message",
    ),
    setting(
        "RESEND_SMS_PER_SECOND",
        "",
        RATE,
        "most messages a second through one channel, for all workers together",
    ),
    setting("RESEND_SMS_HTTP_URL", "", HttpUrl, "as RESEND_SMS_URL, for this channel"),
    secret("RESEND_SMS_HTTP_TOKEN", TOKEN, "as RESEND_SMS_TOKEN, for this channel"),
    setting("RESEND_SMS_HTTP_SENDER", "", Other(SENDER), "as RESEND_SMS_SENDER, for this channel"),
    setting("RESEND_SMS_HTTP_PER_SECOND", "", RATE, "as RESEND_SMS_PER_SECOND, for this channel"),
    secret("RESEND_SMS_SMPP_URL", SMPP_URL, "address of the SMSC, with system id and password"),
    setting("RESEND_SMS_SMPP_SENDER", "", Other(SENDER), "as RESEND_SMS_SENDER, for this channel"),
    setting("RESEND_SMS_SMPP_PER_SECOND", "", RATE, "as RESEND_SMS_PER_SECOND, for this channel"),
    setting(
        "RESEND_SMS_SMPP_WINDOW",
        "10",
        Number("messages", 1..=1_000),
        "submits that may be without an answer at a time; further jobs wait",
    ),
    setting(
        "RESEND_SMS_SMPP_VALIDITY_PERIOD",
        "true",
        Choice(&["true", "false"]),
        "tell the SMSC how long the code is valid",
    ),
    setting("RESEND_SMS_TURBOSMS_URL", "", HttpUrl, "as RESEND_SMS_URL, for this channel"),
    secret("RESEND_SMS_TURBOSMS_TOKEN", TOKEN, "as RESEND_SMS_TOKEN, for this channel"),
    setting("RESEND_SMS_TURBOSMS_SENDER", "", Other(SENDER), "as RESEND_SMS_SENDER, for this channel"),
    setting("RESEND_SMS_TURBOSMS_PER_SECOND", "", RATE, "as RESEND_SMS_PER_SECOND, for this channel"),
    setting("RESEND_SMS_TWILIO_URL", "", Other(TWILIO_URL), "as RESEND_SMS_URL, for this channel"),
    secret("RESEND_SMS_TWILIO_TOKEN", TOKEN, "as RESEND_SMS_TOKEN, for this channel"),
    setting("RESEND_SMS_TWILIO_SENDER", "", Other(SENDER), "as RESEND_SMS_SENDER, for this channel"),
    setting("RESEND_SMS_TWILIO_PER_SECOND", "", RATE, "as RESEND_SMS_PER_SECOND, for this channel"),
];
