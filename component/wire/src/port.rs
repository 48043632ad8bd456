//! `ron:wire/port`: the bridge's side.

use crate::input_stream::InputStream;
use crate::wasi::instance;
use crate::wit::exports::ron::wire::port::Guest;
use crate::wit::exports::wasi::io::streams;
use crate::{Wire, events};

impl Guest for Wire {
    fn seed(entropy: String) -> Result<(), String> {
        instance().generator.seed(&entropy)
    }

    fn set_clocks(monotonic: u64, wall: u64) {
        instance().clocks.set(monotonic, wall);
    }

    fn attribute(call: u64) {
        instance().exchanges.call.set(call);
    }

    fn deliver(event: String) -> Result<(), String> {
        events::deliver(instance(), &event).map_err(|fault| fault.to_string())
    }

    fn pass(exchange: u64, bytes: u64, end: bool) -> bool {
        let exchange = instance().exchanges.find(exchange);
        exchange.is_some_and(|exchange| exchange.on_passed(bytes, end))
    }

    fn drain() -> String {
        instance().exchanges.drain()
    }

    fn hold(length: u64) -> streams::InputStream {
        streams::InputStream::new(InputStream::held(length))
    }

    fn release(body: streams::InputStream) -> Option<u64> {
        body.into_inner::<InputStream>().release()
    }

    fn exchanges() -> u32 {
        instance().exchanges.count()
    }
}
