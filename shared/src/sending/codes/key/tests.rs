use super::*;

const PHONE: &str = "+380931234585";

fn key(byte: u8) -> OtpKey {
    OtpKey::new(&vec![byte; 32].into())
}

fn job(text: &str) -> JobId {
    text.parse().unwrap()
}

#[test]
fn truncation_is_that_of_rfc_4226() {
    // The example of section 5.4.
    let mac = [
        0x1f, 0x86, 0x98, 0x69, 0x0e, 0x02, 0xca, 0x16, 0x61, 0x85, 0x50, 0xef, 0x7f, 0x19, 0xda, 0x8e, 0x94,
        0x5b, 0x55, 0x5a,
    ];
    assert_eq!(truncate(&mac, 6), "872921");
    assert_eq!(truncate(&mac, 8), "57872921");
}

#[test]
fn codes_over_sha_256_are_those_of_rfc_6238() {
    // Appendix B, mode SHA256: the counter for T, eight digits.
    let secret = keyed(b"12345678901234567890123456789012");
    for (counter, expected) in [
        (0x0000_0001_u64, "46119246"),
        (0x0235_23ec, "68084774"),
        (0x0235_23ed, "67062674"),
        (0x03f9_40aa, "90698825"),
        (0x27bc_86aa, "77737706"),
    ] {
        let mut mac = secret.clone();
        mac.update(&counter.to_be_bytes());
        assert_eq!(truncate(&mac.finalize().into_bytes(), 8), expected);
    }
}

#[test]
fn leading_zeros_are_kept() {
    let mut mac = [0_u8; 32];
    assert_eq!(truncate(&mac, 6), "000000");
    mac[3] = 42;
    assert_eq!((truncate(&mac, 4), truncate(&mac, 8)), ("0042".into(), "00000042".into()));
}

#[test]
fn a_job_repeats_its_code_and_another_job_or_key_has_another() {
    let (one, other) = (job("NBXk9EyErUZv1RhXgyvgg"), job("NBXk9EyErUZv1RhXgyvgh"));
    assert_eq!(key(1).code(&one, 8), key(1).code(&one, 8));
    assert_ne!(key(1).code(&one, 8), key(1).code(&other, 8));
    assert_ne!(key(1).code(&one, 8), key(2).code(&one, 8));
}

#[test]
fn a_hash_is_of_one_code_phone_job_and_key() {
    let (phone, other): (PhoneNumber, PhoneNumber) =
        (PHONE.parse().unwrap(), "+380931234586".parse().unwrap());
    let (one, second) = (job("NBXk9EyErUZv1RhXgyvgg"), job("NBXk9EyErUZv1RhXgyvgh"));
    let (code, wrong) = (Code::new("012345".into()), Code::new("012346".into()));
    let hash = key(1).hash(&phone, &one, &code);
    assert_eq!(hash, key(1).hash(&phone, &one, &code));
    for different in [
        key(1).hash(&phone, &one, &wrong),
        key(1).hash(&other, &one, &code),
        key(1).hash(&phone, &second, &code),
        key(2).hash(&phone, &one, &code),
    ] {
        assert_ne!(hash, different);
    }
}

#[test]
fn codes_hashes_and_verifications_come_from_keys_of_their_own() {
    let key = key(1);
    let macs: std::collections::HashSet<_> =
        [&key.codes, &key.hashes, &key.verifications].map(|key| mac(key, &["same"])).into_iter().collect();
    assert_eq!(macs.len(), 3);
}

#[test]
fn parts_do_not_run_into_each_other() {
    let key = keyed(b"key");
    assert_ne!(mac(&key, &["ab", "c"]), mac(&key, &["a", "bc"]));
}

/// Buckets of the statistic, and the value it exceeds once in a thousand times for as many less one degrees of freedom.
const BUCKETS: [(u32, f64); 2] = [(1_000, 1_143.9), (10, 27.9)];

#[test]
fn codes_of_100_000_jobs_are_spread_evenly() {
    let key = key(1);
    let codes: Vec<u32> = (0..100_000)
        .map(|number| key.code(&job(&format!("{number:021}")), 6).expose().parse().unwrap())
        .collect();
    for (buckets, critical) in BUCKETS {
        let first = chi_square(codes.iter().map(|code| code / (1_000_000 / buckets)), buckets);
        let last = chi_square(codes.iter().map(|code| code % buckets), buckets);
        println!(
            "chi-square over {buckets}: first digits {first:.1}, last digits {last:.1}, critical {critical}"
        );
        assert!(first < critical && last < critical);
    }
}

fn chi_square(values: impl Iterator<Item = u32>, buckets: u32) -> f64 {
    let mut counts = vec![0_u32; buckets as usize];
    let total: u32 = values.map(|value| counts[value as usize] += 1).map(|()| 1).sum();
    let expected = f64::from(total) / f64::from(buckets);
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}
