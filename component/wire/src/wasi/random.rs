//! `wasi:random`.

use crate::Wire;
use crate::generator::Generator;
use crate::wait::start;
use crate::wasi::instance;
use crate::wit::exports::wasi::random::random::Guest;

/// Uses the generator, which the bridge has seeded or the host is asked to seed.
fn with<T>(f: impl FnOnce(&Generator) -> T) -> T {
    let instance = instance();
    if !instance.generator.is_seeded() {
        start(instance);
    }
    f(&instance.generator)
}

impl Guest for Wire {
    fn get_random_bytes(len: u64) -> Vec<u8> {
        with(|generator| generator.bytes(len))
    }

    fn get_random_u64() -> u64 {
        with(Generator::next)
    }
}
