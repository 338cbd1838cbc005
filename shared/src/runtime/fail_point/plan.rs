//! The grammar of `FAILPOINTS`: `place=action[*times][@probability][#together][~job]`, several separated by `;`.
//! Actions: `abort`, `stop` (SIGSTOP to itself), `sleep(ms)`, `panic`. With `#N` jobs wait at the place until N of them
//! are there; then the action is done once, and those still alive go on.

use std::str::FromStr;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Abort,
    Stop,
    Sleep(Duration),
    Panic,
}

/// What happens at one place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) place: String,
    pub(super) action: Action,
    /// How often; by default whenever a job passes.
    pub(super) times: Option<u64>,
    /// The share of jobs that are hit.
    pub(super) probability: f64,
    /// How many jobs must be at the place.
    pub(super) together: u64,
    /// The one job that is hit.
    pub(super) job: Option<String>,
}

/// Parses the whole variable.
pub(super) fn parse(text: &str) -> Result<Vec<Plan>, String> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(Plan::from_str).collect()
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("FAILPOINTS: {text:?} is not place=action[*times][@probability][#together][~job]");
        let (place, rest) = text.split_once('=').ok_or_else(wrong)?;
        let (rest, job) = cut(rest, '~');
        let (rest, together) = cut(rest, '#');
        let (rest, probability) = cut(rest, '@');
        let (action, times) = cut(rest, '*');
        Ok(Self {
            place: place.to_owned(),
            action: action.parse().map_err(|()| wrong())?,
            times: times.map(str::parse).transpose().map_err(|_| wrong())?,
            probability: probability.map_or(Ok(1.0), str::parse).map_err(|_| wrong())?,
            together: together.map_or(Ok(1), str::parse).map_err(|_| wrong())?,
            job: job.map(str::to_owned),
        })
    }
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let sleep = text.strip_prefix("sleep(").and_then(|rest| rest.strip_suffix(')'));
        match (text, sleep) {
            ("abort", _) => Ok(Self::Abort),
            ("stop", _) => Ok(Self::Stop),
            ("panic", _) => Ok(Self::Panic),
            (_, Some(ms)) => ms.parse().map(Duration::from_millis).map(Self::Sleep).map_err(|_| ()),
            _ => Err(()),
        }
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let plans = parse("before_submit=abort*3@0.1#20~abc; after_finish=sleep(250)").unwrap();
        assert_eq!((plans[0].action.clone(), plans[0].times), (Action::Abort, Some(3)));
        assert_eq!((plans[0].together, plans[0].job.as_deref()), (20, Some("abc")));
        assert!((plans[0].probability - 0.1).abs() < f64::EPSILON);
        assert_eq!(plans[1].action, Action::Sleep(Duration::from_millis(250)));
        assert_eq!((plans[1].times, plans[1].together), (None, 1));
    }

    #[test]
    fn what_is_no_plan_is_told() {
        for wrong in ["before_submit", "x=explode", "x=abort*many", "x=sleep(soon)", "x=abort@often"] {
            assert!(parse(wrong).unwrap_err().contains("FAILPOINTS"), "{wrong}");
        }
    }
}
