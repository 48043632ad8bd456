//! What an instance of the component knows.

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
    /// The exchanges that somebody holds, and the commands that they queue.
    pub exchanges: Exchanges,
    /// Hands commands to the host and waits for an event.
    pub host: Box<dyn Fn(&str) -> String>,
}

impl Instance {
    /// A new instance, which blocks in `host`.
    pub fn new(host: impl Fn(&str) -> String + 'static) -> &'static Self {
        Box::leak(Box::new(Self {
            clocks: Clocks::default(),
            generator: Generator::default(),
            exchanges: Exchanges::default(),
            host: Box::new(host),
        }))
    }
}
