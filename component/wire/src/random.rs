//! `wasi:random`: a ChaCha stream seeded with the host's entropy.

use std::cell::RefCell;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::Wire;
use crate::io::start;
use crate::wit::exports::wasi::random::random::Guest;

thread_local! {
    static GENERATOR: RefCell<Option<ChaCha12Rng>> = const { RefCell::new(None) };
}

/// Seeds the generator with 64 hexadecimal digits.
pub fn seed(entropy: &str) -> Result<(), String> {
    let mut seed = [0; 32];
    let digits = entropy.as_bytes();
    if digits.len() != 2 * seed.len() {
        return Err("the field entropy does not have 64 digits".to_owned());
    }
    for (byte, pair) in seed.iter_mut().zip(digits.chunks(2)) {
        *byte = std::str::from_utf8(pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .ok_or("the field entropy is not hexadecimal")?;
    }
    GENERATOR.set(Some(ChaCha12Rng::from_seed(seed)));
    Ok(())
}

/// Uses the generator, which the bridge has seeded or the host is asked to seed.
fn generate<T>(f: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
    if GENERATOR.with_borrow(Option::is_none) {
        start();
    }
    GENERATOR.with_borrow_mut(|generator| f(generator.as_mut().expect("start seeds it")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_entropy_gives_the_same_bytes_and_other_entropy_others() {
        let draw = |entropy: &str| {
            seed(entropy).unwrap();
            Wire::get_random_bytes(32)
        };
        let zeros = draw(&"0".repeat(64));
        assert_eq!(zeros, draw(&"0".repeat(64)));
        assert_ne!(zeros, draw(&"1".repeat(64)));
    }

    #[test]
    fn malformed_entropy_is_refused() {
        for bad in ["", "0", &"g".repeat(64), &"é".repeat(32), &"0".repeat(66)] {
            assert!(seed(bad).is_err(), "{bad}");
        }
    }
}
