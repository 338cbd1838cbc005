//! Reading a process' own `/metrics`.

/// The metrics of the process at this base URL.
pub async fn of(url: &str) -> String {
    let answer =
        reqwest::Client::builder().no_proxy().build().expect("a client").get(format!("{url}/metrics"));
    answer.send().await.expect("metrics are served").text().await.unwrap_or_default()
}

/// Sum over all labels of a counter or gauge.
pub fn sum(text: &str, name: &str) -> f64 {
    samples(text, name).map(|(_, value)| value).sum()
}

/// Upper bound of the largest observation of a histogram; 0 if there is none.
pub fn largest(text: &str, name: &str) -> f64 {
    let count = sum(text, &format!("{name}_count"));
    let bucket = format!("{name}_bucket");
    let of_all = |bound: f64| {
        samples(text, &bucket)
            .filter(move |(at, _)| bound_of(at) == Some(bound))
            .map(|(_, value)| value)
            .sum::<f64>()
    };
    let bounds = samples(text, &bucket).filter_map(|(labels, _)| bound_of(labels));
    bounds.filter(|bound| of_all(*bound) >= count && count > 0.0).min_by(f64::total_cmp).unwrap_or(0.0)
}

fn samples<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        (labels.is_empty() || labels.starts_with('{')).then_some((labels, value.parse().ok()?))
    })
}

fn bound_of(labels: &str) -> Option<f64> {
    labels.split_once("le=\"")?.1.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP x y\nx_bucket{a=\"1\",le=\"5\"} 1\nx_bucket{a=\"1\",le=\"10\"} 2\nx_bucket{a=\"1\",le=\"+Inf\"} 2\n\
        x_count{a=\"1\"} 2\nx_sum{a=\"1\"} 11\ny 3\ny{b=\"2\"} 4\n";

    #[test]
    fn values_are_summed_over_labels() {
        assert!((sum(TEXT, "y") - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_largest_value_is_below_the_first_bucket_that_holds_all() {
        assert!((largest(TEXT, "x") - 10.0).abs() < f64::EPSILON);
        assert!(largest(TEXT, "z").abs() < f64::EPSILON);
    }
}
