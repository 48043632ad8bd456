//! `ron:wire/port`: the bridge's side.

use crate::Wire;
use crate::io::InputStream;
use crate::wit::exports::ron::wire::port::Guest;
use crate::wit::exports::wasi::io::streams;
use crate::{entropy, events, exchange, state};

impl Guest for Wire {
    fn seed(entropy: String) -> Result<(), String> {
        entropy::seed(&entropy)
    }

    fn set_clocks(monotonic: u64, wall: u64) {
        state::with(|state| state.set_clocks(monotonic, wall));
    }

    fn attribute(call: u64) {
        state::with(|state| state.call.set(call));
    }

    fn deliver(event: String) -> Result<(), String> {
        events::deliver(&event).map_err(|fault| fault.to_string())
    }

    fn drain() -> String {
        state::with(|state| state.commands.borrow_mut().take())
    }

    fn hold(length: u64) -> streams::InputStream {
        streams::InputStream::new(InputStream::held(length))
    }

    fn release(body: streams::InputStream) -> Option<u64> {
        match body.into_inner::<InputStream>() {
            InputStream::Answer(exchange) => {
                exchange.release();
                Some(exchange.id)
            }
            InputStream::Held(_) => None,
        }
    }

    fn exchanges() -> u32 {
        exchange::count()
    }
}
