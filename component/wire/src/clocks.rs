//! The clocks: the time is what the host said last, so it stands still while a component runs.

use std::cell::Cell;

/// Both clocks of the instance, in nanoseconds.
#[derive(Default)]
pub struct Clocks {
    monotonic: Cell<u64>,
    wall: Cell<u64>,
    set: Cell<bool>,
}

impl Clocks {
    /// Takes the host's time. A monotonic clock never goes back, even if the host's does.
    pub fn set(&self, monotonic: u64, wall: u64) {
        self.monotonic.set(self.monotonic.get().max(monotonic));
        self.wall.set(wall);
        self.set.set(true);
    }

    /// Whether the host has ever given the time.
    pub fn are_set(&self) -> bool {
        self.set.get()
    }

    /// The monotonic clock.
    pub fn monotonic(&self) -> u64 {
        self.monotonic.get()
    }

    /// The wall clock, since 1970. It goes where the host's goes.
    pub fn wall(&self) -> u64 {
        self.wall.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_never_goes_back_and_the_wall_clock_follows_the_host() {
        let clocks = Clocks::default();
        assert!(!clocks.are_set());
        for (monotonic, wall, expected) in [(5, 900, 5), (3, 100, 5), (6, 500, 6)] {
            clocks.set(monotonic, wall);
            assert_eq!((clocks.monotonic(), clocks.wall()), (expected, wall));
        }
        assert!(clocks.are_set());
    }
}
