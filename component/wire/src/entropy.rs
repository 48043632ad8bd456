//! The generator behind `wasi:random`: a ChaCha stream seeded with the host's entropy.

use std::cell::RefCell;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

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

/// Whether it was seeded.
pub fn is_seeded() -> bool {
    GENERATOR.with_borrow(Option::is_some)
}

/// Uses the generator, which must have been seeded.
pub fn generate<T>(f: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
    GENERATOR.with_borrow_mut(|generator| f(generator.as_mut().expect("it was seeded")))
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::Rng;

    use super::*;

    #[test]
    fn the_same_entropy_gives_the_same_bytes_and_other_entropy_others() {
        let draw = |entropy: &str| {
            seed(entropy).unwrap();
            let mut bytes = [0; 32];
            generate(|generator| generator.fill_bytes(&mut bytes));
            bytes
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
