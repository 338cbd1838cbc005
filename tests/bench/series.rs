//! Statistics over several runs of one figure: median and spread.

/// The median; of an even number, the mean of the two in the middle. NaN if there is none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        even if even.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// The median of the ratios of pairs that were measured alternately, so that other load on the machine cancels out.
pub(crate) fn ratio(ours: &[f64], others: &[f64]) -> f64 {
    median(ours.iter().zip(others).map(|(ours, other)| ours / other).collect())
}

/// The median with its spread: `12345/s (12000–13000)`.
pub(crate) fn rate(values: &[f64]) -> String {
    spread(values, 0, "/s")
}

/// The median with its spread, with this many decimals, in this unit.
pub(crate) fn spread(values: &[f64], digits: usize, unit: &str) -> String {
    let middle = median(values.to_vec());
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 2 {
        return format!("{middle:.digits$}{unit}");
    }
    format!("{middle:.digits$}{unit} ({least:.digits$}–{most:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_pair_by_pair() {
        // The ratio of the medians alone would be 20 / 20.
        assert!((ratio(&[10.0, 20.0, 60.0], &[5.0, 20.0, 30.0]) - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_spread_shows_the_least_and_the_most() {
        assert_eq!(rate(&[30.0, 10.0, 20.0]), "20/s (10–30)");
        assert_eq!(spread(&[1.5], 1, " ms"), "1.5 ms");
    }
}
