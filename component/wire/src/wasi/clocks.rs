//! `wasi:clocks`.

use crate::instance::Instance;
use crate::pollable::{self, Pollable};
use crate::wait::start;
use crate::wasi::instance;
use crate::wit::exports::wasi::clocks::{monotonic_clock, wall_clock};
use crate::{Wire, clocks::Clocks};

const NANOSECONDS: u64 = 1_000_000_000;

/// Uses the clocks, which the bridge has set or the host is asked to set.
fn with<T>(f: impl FnOnce(&Clocks, &Instance) -> T) -> T {
    let instance = instance();
    if !instance.clocks.are_set() {
        start(instance);
    }
    f(&instance.clocks, instance)
}

impl monotonic_clock::Guest for Wire {
    fn now() -> u64 {
        with(|clocks, _| clocks.monotonic())
    }

    fn resolution() -> u64 {
        1
    }

    fn subscribe_instant(when: u64) -> monotonic_clock::Pollable {
        monotonic_clock::Pollable::new(Pollable::At(when))
    }

    fn subscribe_duration(when: u64) -> monotonic_clock::Pollable {
        monotonic_clock::Pollable::new(with(|_, instance| pollable::after(instance, when)))
    }
}

impl wall_clock::Guest for Wire {
    fn now() -> wall_clock::Datetime {
        let wall = with(|clocks, _| clocks.wall());
        wall_clock::Datetime {
            seconds: wall / NANOSECONDS,
            nanoseconds: (wall % NANOSECONDS) as u32,
        }
    }

    fn resolution() -> wall_clock::Datetime {
        wall_clock::Datetime {
            seconds: 0,
            nanoseconds: 1,
        }
    }
}
