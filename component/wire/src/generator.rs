//! Randomness: a ChaCha stream seeded with the host's entropy.

use std::cell::RefCell;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::defaults::MAX_RANDOM_BYTES;

/// A generator that gives nothing before it is seeded.
#[derive(Default)]
pub struct Generator(RefCell<Option<ChaCha12Rng>>);

impl Generator {
    /// Seeds the generator with 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// A sentence, if they are not that. It does not repeat them.
    pub fn seed(&self, entropy: &str) -> Result<(), String> {
        let mut seed = [0; 32];
        let digits = entropy.as_bytes();
        if digits.len() != 2 * seed.len() {
            return Err("the field entropy does not have 64 digits".to_owned());
        }
        for (byte, pair) in seed.iter_mut().zip(digits.chunks(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = digit(pair[0])
                .zip(digit(pair[1]))
                .map(|(high, low)| (high << 4 | low) as u8)
                .ok_or("the field entropy is not hexadecimal")?;
        }
        self.0.replace(Some(ChaCha12Rng::from_seed(seed)));
        Ok(())
    }

    /// Whether it was seeded.
    pub fn is_seeded(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The next 64 bits. Traps if it was not seeded.
    pub fn next(&self) -> u64 {
        self.draw(Rng::next_u64)
    }

    /// The next `length` bytes. Traps if it was not seeded, and for more than the limit, since
    /// `wasi:random` has no way to give fewer.
    pub fn bytes(&self, length: u64) -> Vec<u8> {
        assert!(
            length <= MAX_RANDOM_BYTES,
            "wasi:random: more bytes than one call gives"
        );
        let mut bytes = vec![0; length as usize];
        self.draw(|generator| generator.fill_bytes(&mut bytes));
        bytes
    }

    fn draw<T>(&self, f: impl FnOnce(&mut ChaCha12Rng) -> T) -> T {
        let mut generator = self.0.borrow_mut();
        f(generator
            .as_mut()
            .expect("wasi:random: the host gave no entropy"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeded(digit: &str) -> Generator {
        let generator = Generator::default();
        generator.seed(&digit.repeat(64)).unwrap();
        generator
    }

    #[test]
    fn the_same_entropy_gives_the_same_bytes_and_other_entropy_others() {
        let draw = |digit| {
            let generator = seeded(digit);
            (generator.next(), generator.bytes(33))
        };
        assert_eq!(draw("0"), draw("0"));
        assert_ne!(draw("0"), draw("f"));
        assert_ne!(seeded("0").bytes(32), [0; 32]);
    }

    #[test]
    fn bytes_are_always_fresh_and_of_the_length_asked_for() {
        let generator = seeded("7");
        assert_ne!(generator.bytes(16), generator.bytes(16));
        for length in [0, 1, MAX_RANDOM_BYTES] {
            assert_eq!(generator.bytes(length).len() as u64, length);
        }
    }

    #[test]
    #[should_panic(expected = "more bytes than one call gives")]
    fn more_bytes_than_memory_could_hold_trap_before_any_is_reserved() {
        seeded("7").bytes(u64::MAX);
    }

    #[test]
    #[should_panic(expected = "the host gave no entropy")]
    fn nothing_is_drawn_before_there_is_entropy() {
        Generator::default().next();
    }

    #[test]
    fn malformed_entropy_is_refused_and_leaves_the_generator_as_it_was() {
        let (generator, untouched) = (seeded("7"), seeded("7"));
        let cases = ["", "0", &"g".repeat(64), &"é".repeat(32), &"0".repeat(66)];
        for bad in cases.into_iter().chain([&*"+1".repeat(32)]) {
            assert!(generator.seed(bad).is_err(), "{bad}");
        }
        assert_eq!(generator.next(), untouched.next());
    }
}
