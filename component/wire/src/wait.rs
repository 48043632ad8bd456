//! The one place that blocks.

use ron_abi::{Reader, Writer};

use crate::instance::Instance;
use crate::{commands, events};

/// Gives the host what is queued and waits for one event. Traps if the event is malformed.
pub fn wait(instance: &Instance, wake_at: Option<u64>) {
    let items = instance.exchanges.drain();
    ask(instance, wake_at, items);
}

/// Asks the host for the time and for entropy, which the bridge gives unasked. What is queued stays
/// there, so that nothing else can be answered first.
pub fn start(instance: &Instance) {
    let mut item = Writer::default();
    commands::start(&mut item, instance.exchanges.call.get());
    ask(instance, None, item.take());
}

fn ask(instance: &Instance, wake_at: Option<u64>, items: String) {
    let mut head = Writer::default();
    head.optional_number(wake_at);
    // Put in front rather than copied behind: the items may hold a body.
    let mut output = items;
    output.insert_str(0, &head.take());
    let event = (instance.host)(&output);
    drop(output);
    let mut reader = Reader::new(&event);
    let delivered = (|| {
        let monotonic = reader.number("mono")?;
        let wall = reader.number("wall")?;
        reader.number("call")?;
        instance.clocks.set(monotonic, wall);
        events::deliver(instance, reader.take_rest())
    })();
    if let Err(fault) = delivered {
        panic!("the host answered wait with a malformed event: {fault}");
    }
}
