//! What the instance knows: the clocks, the commands not yet collected, and which call is running.

use std::cell::{Cell, RefCell};

use ron_abi::Writer;

/// The state of the instance. A component is single-threaded, so there is one.
#[derive(Default)]
pub struct State {
    /// The monotonic clock in nanoseconds, as the host gave it last.
    pub monotonic: Cell<u64>,
    /// The wall clock in nanoseconds since 1970, as the host gave it last.
    pub wall: Cell<u64>,
    /// Whether anybody has set the clocks yet.
    pub clocks_set: Cell<bool>,
    /// The call that new exchanges belong to.
    pub call: Cell<u64>,
    /// Commands for the host.
    pub commands: RefCell<Writer>,
}

thread_local! {
    static STATE: State = State::default();
}

/// Lends the state.
pub fn with<T>(f: impl FnOnce(&State) -> T) -> T {
    STATE.with(f)
}

impl State {
    /// Sets both clocks.
    pub fn set_clocks(&self, monotonic: u64, wall: u64) {
        self.monotonic.set(monotonic);
        self.wall.set(wall);
        self.clocks_set.set(true);
    }
}
