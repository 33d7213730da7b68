//! How much memory a live token takes: the growth of this process over a million of them.
//!
//! `cargo run --release -p store-memory --example memory_per_token`; Linux only, it reads `/proc/self/statm`.

use std::error::Error;

use oauth_core::{
    AuthorizationId, Change, ClientId, Credential, CredentialStore, Json, Key, Kind, Secret, State, Subject, Timestamp,
};
use oauth_testkit::{SeededEntropy, block_on};
use store_memory::MemoryStore;

const TOKENS: u64 = 1_000_000;
const ACCESS_TOKEN: Kind<Json> = Kind::new("access_token");
/// Pages are 4 KiB wherever this is worth measuring.
const PAGE: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    measure("client credentials", |_| None)?;
    measure("with a subject of its own", |n| {
        Some(Subject::new(format!("user-{n:06}")))
    })
}

fn measure(what: &str, subject: impl Fn(u64) -> Option<Subject>) -> Result<(), Box<dyn Error>> {
    let entropy = SeededEntropy::new(TOKENS);
    let client = ClientId::new("client");
    let store = MemoryStore::new();
    let before = resident()?;
    for n in 0..TOKENS {
        let issued_at = 1_800_000_000_000 + n;
        let token = Credential {
            key: Key::of(&ACCESS_TOKEN, &Secret::generate(&entropy)?),
            authorization: AuthorizationId::generate(&entropy)?,
            client: client.clone(),
            subject: subject(n),
            scope: "read write".parse()?,
            expires_at: Timestamp::from_millis(issued_at + 3_600_000),
            state: State::Live,
            revision: 0,
            data: Json::from_stored(format!("{{\"iat\":{issued_at}}}")),
        };
        block_on(store.commit(&[Change::Insert(token)]))?;
    }
    let full = resident()?;
    let swept = block_on(store.sweep(Timestamp::MAX, usize::MAX))?;
    let swept_to = resident()?;
    println!(
        "{what}: {} bytes per token; after sweeping {swept}: {} bytes",
        full.saturating_sub(before) / TOKENS,
        swept_to.saturating_sub(before) / TOKENS,
    );
    Ok(())
}

/// How many bytes of this process are in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("statm has a second field")?.parse()?;
    Ok(pages * PAGE)
}
