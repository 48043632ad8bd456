//! `wasi:clocks`: the time is what the host said last.

use crate::Wire;
use crate::io::Pollable;
use crate::state;
use crate::wait::start;
use crate::wit::exports::wasi::clocks::{monotonic_clock, wall_clock};

const NANOSECONDS: u64 = 1_000_000_000;

fn started() {
    if !state::with(|state| state.clocks_set.get()) {
        start();
    }
}

impl monotonic_clock::Guest for Wire {
    fn now() -> u64 {
        started();
        state::with(|state| state.monotonic.get())
    }

    fn resolution() -> u64 {
        1
    }

    fn subscribe_instant(when: u64) -> monotonic_clock::Pollable {
        monotonic_clock::Pollable::new(Pollable::At(when))
    }

    fn subscribe_duration(when: u64) -> monotonic_clock::Pollable {
        let now = <Self as monotonic_clock::Guest>::now();
        monotonic_clock::Pollable::new(Pollable::At(now.saturating_add(when)))
    }
}

impl wall_clock::Guest for Wire {
    fn now() -> wall_clock::Datetime {
        started();
        let wall = state::with(|state| state.wall.get());
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
