//! The content of Redis does not reveal a code: all possible codes, tried against a dump, match nothing (scenario 26).

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use shared::domain::ids::JobId;

use super::{KEY, fixture, phone, under_way};

/// Bytes of a hash of ours.
const HASH: usize = 16;

#[tokio::test]
async fn a_million_codes_tried_against_a_dump_of_redis_match_nothing() {
    let fixture = fixture().await;
    let message = under_way(&fixture).await;
    let job = &message.delivery.message.job;
    let dump = everything_written(fixture.temp_dir.path());
    assert!(dump.contains(job.as_str()), "the dump holds what Redis was told");
    assert!(!dump.contains(&phone(1).expose()[1..]), "the number");
    assert!(!dump.contains(KEY) && !dump.contains("0123456789012345678901"), "the key");
    assert!(!dump.contains(&format!("\n{}\r", message.code().expose())), "the code");

    let hashes = hashes(&dump);
    assert!(!hashes.is_empty(), "the dump holds the hash to check the code");
    let attacks = attacks(job);
    let matches: usize = (0..1_000_000_u32)
        .map(|number| {
            attacks.iter().filter(|attack| hashes.contains(&attack(&format!("{number:06}")))).count()
        })
        .sum();
    println!("10^6 codes, {} ways, {} hashes in the dump: {matches} match", attacks.len(), hashes.len());
    assert_eq!(matches, 0);
}

type Attack = Box<dyn Fn(&str) -> [u8; HASH]>;

/// The guesses of somebody who read the source code, but has no key.
fn attacks(job: &JobId) -> [Attack; 4] {
    let message = format!("approval\0{}\0{job}\0", phone(1).expose());
    let (plain, bound) = (Sha256::new(), Sha256::new_with_prefix(&message));
    let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&message);
    let (no_key, job_key) = (keyed(b""), keyed(job.as_str().as_bytes()));
    [
        Box::new(move |code| cut(plain.clone().chain_update(code).finalize().into())),
        Box::new(move |code| cut(bound.clone().chain_update(code).finalize().into())),
        Box::new(move |code| cut(no_key.clone().chain_update(code).finalize().into_bytes().into())),
        Box::new(move |code| cut(job_key.clone().chain_update(code).finalize().into_bytes().into())),
    ]
}

/// The stored part of a hash.
fn cut(hash: [u8; 32]) -> [u8; HASH] {
    std::array::from_fn(|index| hash[index])
}

/// Every file below the folder: the append-only file, and whatever else the server wrote.
fn everything_written(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    paths.map(|path| if path.is_dir() { everything_written(&path) } else { read(&path) }).collect()
}

/// Everything in the dump with the length and the alphabet of a hash.
fn hashes(dump: &str) -> HashSet<[u8; HASH]> {
    use base64::Engine as _;
    let decode =
        |word: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(word).ok()?.try_into().ok();
    dump.split_whitespace().filter_map(decode).collect()
}
