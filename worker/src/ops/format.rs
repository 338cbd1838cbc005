//! How numbers and times are written.

use std::time::Duration;

use shared::domain::clock;

/// An age or a wait, in the two units that matter: `850 ms`, `4.2 s`, `3 m 12 s`, `5 h 3 m`.
pub fn span(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.as_millis());
    match seconds {
        0 => format!("{millis} ms"),
        1..=9 => format!("{:.1} s", span.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} m {} s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{} h {} m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// The same for an optional value.
pub fn span_or_none(of: Option<Duration>) -> String {
    of.map_or_else(|| "–".to_owned(), span)
}

/// A count with thousands separated: `12 345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The time of day of a moment in the near future: `21:48:44 UTC`.
pub fn time_of_day(epoch_ms: u64) -> String {
    let iso = clock::iso(epoch_ms);
    format!("{} UTC", iso.get(11..19).unwrap_or(&iso))
}

/// A past moment: `21:48:44` if today, else `2018-08-02 10:45:16`; in UTC.
pub fn moment(epoch_ms: u64) -> String {
    let (iso, today) = (clock::iso(epoch_ms), clock::iso(clock::now_ms()));
    match (iso.get(..10), iso.get(11..19)) {
        (Some(day), Some(time)) if today.starts_with(day) => time.to_owned(),
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => iso,
    }
}

/// A rate: with one decimal while it is small.
pub fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_in_two_units_at_most() {
        for (millis, expected) in [
            (0, "0 ms"),
            (850, "850 ms"),
            (4_200, "4.2 s"),
            (42_000, "42 s"),
            (192_000, "3 m 12 s"),
            (18_180_000, "5 h 3 m"),
            (180_000_000, "2 d 2 h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn a_moment_soon_needs_no_date() {
        assert_eq!(time_of_day(1_533_206_716_500), "10:45:16 UTC");
        assert_eq!(moment(1_533_206_716_500), "2018-08-02 10:45:16");
        assert_eq!(moment(clock::now_ms()).len(), 8);
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(count(number), expected);
        }
    }
}
