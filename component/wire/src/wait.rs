//! The one place that blocks.

use ron_abi::{Reader, Writer};

use crate::wit::ron::wire::host;
use crate::{commands, events, state};

/// Gives the host what is queued and waits for one event.
pub fn wait(wake_at: Option<u64>) {
    let commands = state::with(|state| {
        let items = state.commands.borrow_mut().take();
        let mut out = Writer::default();
        out.optional_number(wake_at);
        out.items(&items);
        out.take()
    });
    let event = host::wait(&commands);
    let mut reader = Reader::new(&event);
    let delivered = (|| {
        let monotonic = reader.number("mono")?;
        let wall = reader.number("wall")?;
        reader.number("call")?;
        state::with(|state| state.set_clocks(monotonic, wall));
        events::deliver(reader.take_rest())
    })();
    if let Err(fault) = delivered {
        panic!("the host answered wait with a malformed event: {fault}");
    }
}

/// Asks the host for the time and for entropy, which the bridge gives unasked.
pub fn start() {
    state::with(|state| commands::start(&mut state.commands.borrow_mut(), state.call.get()));
    wait(None);
}
