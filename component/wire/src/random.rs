//! `wasi:random`.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

use crate::wit::exports::wasi::random::random::Guest;
use crate::{Wire, entropy, wait};

/// Uses the generator, which the bridge has seeded or the host is asked to seed.
fn generate<T>(f: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
    if !entropy::is_seeded() {
        wait::start();
    }
    entropy::generate(f)
}

impl Guest for Wire {
    fn get_random_bytes(len: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(len).expect("fits into memory")];
        generate(|generator| generator.fill_bytes(&mut bytes));
        bytes
    }

    fn get_random_u64() -> u64 {
        generate(Rng::next_u64)
    }
}
