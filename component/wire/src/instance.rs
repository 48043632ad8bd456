//! What an instance of the component knows.

use std::cell::{Cell, RefCell};

use ron_abi::Writer;

use crate::clocks::Clocks;
use crate::exchange::Exchanges;
use crate::generator::Generator;

/// The state that all resources of an instance share. A component has one, for as long as it lives;
/// a test makes its own.
pub struct Instance {
    /// The time.
    pub clocks: Clocks,
    /// The randomness.
    pub generator: Generator,
    /// The exchanges that somebody holds.
    pub exchanges: Exchanges,
    /// The call that new exchanges belong to.
    pub call: Cell<u64>,
    /// Hands commands to the host and waits for an event.
    pub host: Box<dyn Fn(&str) -> String>,
    commands: RefCell<Writer>,
}

impl Instance {
    /// A new instance, which blocks in `host`.
    pub fn new(host: impl Fn(&str) -> String + 'static) -> &'static Self {
        Box::leak(Box::new(Self {
            clocks: Clocks::default(),
            generator: Generator::default(),
            exchanges: Exchanges::default(),
            call: Cell::default(),
            host: Box::new(host),
            commands: RefCell::default(),
        }))
    }

    /// Queues a command.
    pub fn queue(&self, write: impl FnOnce(&mut Writer)) {
        write(&mut self.commands.borrow_mut());
    }

    /// Takes the commands that are queued, as output items.
    pub fn drain(&self) -> String {
        self.commands.borrow_mut().take()
    }
}
