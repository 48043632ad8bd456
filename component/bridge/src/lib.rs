//! The app plane as functions from string to string, for hosts whose component bindings are slow.
//!
//! It knows which call an event belongs to, polls that call and those that it woke, and collects
//! what `wire` queued meanwhile. `messages` reads and writes the fields of `docs/abi.md`.

mod calls;
mod messages;
mod wit;

use ron_abi::{Malformed, Reader, VERSION, Writer};

use wit::exports::ron::bridge::bridge::Guest;
use wit::ron::wire::port;

use crate::calls::Calls;

/// The component.
struct Bridge;

thread_local! {
    static CALLS: Calls = Calls::default();
}

/// As [`answer`], and lets the calls go on that can. Not for exports whose host looks for one item:
/// it would miss what the others are told.
fn run(
    message: &str,
    f: impl FnOnce(&Calls, &mut Reader<'_>, &mut Writer) -> Result<(), Malformed>,
) -> String {
    answer(message, |calls, rest, out| {
        let result = f(calls, rest, out);
        calls.run_woken(out);
        result
    })
}

/// Sets both clocks, runs `f` on the rest of the message and answers with what came of it.
fn answer(
    message: &str,
    f: impl FnOnce(&Calls, &mut Reader<'_>, &mut Writer) -> Result<(), Malformed>,
) -> String {
    CALLS.with(|calls| {
        let mut out = Writer::default();
        let mut reader = Reader::new(message);
        let result = set_clocks(&mut reader).and_then(|()| f(calls, &mut reader, &mut out));
        if let Err(fault) = result {
            messages::malformed(&mut out, &fault);
        }
        calls.take_log(&mut out);
        messages::output(&mut out)
    })
}

fn set_clocks(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    port::set_clocks(reader.number("mono")?, reader.number("wall")?);
    Ok(())
}

impl Guest for Bridge {
    fn abi_version(_message: String) -> String {
        VERSION.to_owned()
    }

    fn open(message: String) -> String {
        answer(&message, |calls, rest, out| {
            let open = messages::Open::read(rest)?;
            calls.open(open, out)
        })
    }

    fn derive(message: String) -> String {
        answer(&message, |calls, rest, out| {
            let derive = messages::Derive::read(rest)?;
            calls.derive(&derive, out)
        })
    }

    fn begin(message: String) -> String {
        run(&message, |calls, rest, out| {
            let begin = messages::Begin::read(rest)?;
            calls.begin(begin, out)
        })
    }

    fn feed(message: String) -> String {
        run(&message, |calls, rest, out| {
            let call = rest.number("call")?;
            let event = rest.take_rest();
            if !calls.take_event(call, event)? {
                port::deliver(event).map_err(Malformed::new)?;
            }
            calls.run(call, out);
            Ok(())
        })
    }

    fn cancel(message: String) -> String {
        run(&message, |calls, rest, out| {
            let call = rest.number("call")?;
            rest.end()?;
            calls.cancel(call, out);
            Ok(())
        })
    }

    fn close(message: String) -> String {
        run(&message, |calls, rest, _| {
            let session = rest.number("session")?;
            rest.end()?;
            calls.close(session);
            Ok(())
        })
    }

    fn stats(message: String) -> String {
        answer(&message, |calls, rest, out| {
            rest.end()?;
            calls.stats(out);
            Ok(())
        })
    }
}

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: ron_memory::ComponentAllocator = ron_memory::component_allocator();
