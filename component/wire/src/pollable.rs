//! What can be waited for: `wasi:io/poll`.

use std::rc::Weak;

use crate::exchange::Exchange;
use crate::instance::Instance;
use crate::wait::wait;

/// Something to wait for. It keeps nothing alive: what is gone is ready, and the operation that was
/// waited for says so.
pub enum Pollable {
    /// Nothing: ready at once.
    Ready,
    /// A point on the monotonic clock.
    At(u64),
    /// The head of an answer.
    Head(Weak<Exchange>),
    /// Bytes of a body, or its end.
    Body(Weak<Exchange>),
    /// The end of a body, whose bytes nobody wants.
    End(Weak<Exchange>),
}

impl Pollable {
    /// Whether it is ready. Asks the host for bytes if that is what is missing; never blocks.
    pub fn is_ready(&self, instance: &Instance) -> bool {
        let ready = |exchange: &Weak<Exchange>, is_ready: fn(&Exchange) -> bool| {
            exchange.upgrade().as_deref().is_none_or(is_ready)
        };
        match self {
            Self::Ready => true,
            Self::At(when) => instance.clocks.monotonic() >= *when,
            Self::Head(exchange) => ready(exchange, Exchange::has_head),
            Self::Body(exchange) => ready(exchange, Exchange::has_chunk),
            Self::End(exchange) => ready(exchange, Exchange::drain),
        }
    }

    /// When the host must come back for it. The last instant stands for "never", since a duration
    /// that leads beyond it ends there.
    fn timer(&self) -> Option<u64> {
        match self {
            Self::At(when) if *when < u64::MAX => Some(*when),
            _ => None,
        }
    }
}

/// The point on the monotonic clock that is `duration` from now.
pub fn after(instance: &Instance, duration: u64) -> Pollable {
    Pollable::At(instance.clocks.monotonic().saturating_add(duration))
}

/// Waits until at least one is ready; the indices of those that are, ascending. An index for each
/// entry of the list: what stands there twice is named twice.
///
/// Traps if the list is empty.
pub fn poll(instance: &Instance, pollables: &[&Pollable]) -> Vec<u32> {
    assert!(!pollables.is_empty(), "wasi:io/poll: the list is empty");
    loop {
        let ready: Vec<u32> = (0..)
            .zip(pollables)
            .filter(|(_, pollable)| pollable.is_ready(instance))
            .map(|(index, _)| index)
            .collect();
        if !ready.is_empty() {
            return ready;
        }
        let timers = pollables.iter().filter_map(|pollable| pollable.timer());
        wait(instance, timers.min());
    }
}
