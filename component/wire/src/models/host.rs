//! A host in virtual time: it carries out commands as a script says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use ron_abi::{Reader, Writer};

use super::{Command, Sent, read_commands};
use crate::instance::Instance;

/// What the server does with one request.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// How long until the head comes.
    pub head_after: u64,
    /// How long until each piece of the body, and the piece. Then the body ends.
    pub body: Vec<(u64, Vec<u8>)>,
    /// The body breaks where it would end.
    pub breaks: bool,
}

/// The host's side of an instance.
#[derive(Default)]
pub struct Host {
    /// The time.
    pub now: Cell<u64>,
    /// The timer of each wait.
    pub waits: RefCell<Vec<Option<u64>>>,
    /// The requests that it was told to send.
    pub sent: RefCell<Vec<Sent>>,
    scripts: RefCell<BTreeMap<u64, Script>>,
    /// By time, then in order of making.
    events: RefCell<BTreeMap<(u64, u64), String>>,
    made: Cell<u64>,
}

impl Host {
    /// An instance that blocks in a host of these scripts, one for each request in turn.
    pub fn with(scripts: Vec<Script>) -> (Rc<Self>, &'static Instance) {
        let host = Rc::new(Self::default());
        host.now.set(1_000);
        host.scripts.replace((1..).zip(scripts).collect());
        let waited = host.clone();
        let instance = Instance::new(move |output| waited.wait(output));
        instance.exchanges.call.set(3);
        instance.clocks.set(host.now.get(), 0);
        (host, instance)
    }

    fn wait(&self, output: &str) -> String {
        let mut reader = Reader::new(output);
        let wake_at = reader.optional_number("wake-at").unwrap();
        self.waits.borrow_mut().push(wake_at);
        for command in read_commands(reader.take_rest(), 3) {
            self.carry_out(command);
        }
        let mut events = self.events.borrow_mut();
        let first = events.first_entry().filter(|event| {
            let (time, _) = *event.key();
            wake_at.is_none_or(|wake_at| time <= wake_at)
        });
        let (time, event) = match first {
            Some(event) => (event.key().0, event.remove()),
            None => (wake_at.expect("nothing to wait for"), "tick\0".to_owned()),
        };
        self.now.set(self.now.get().max(time));
        let mut input = Writer::default();
        for number in [self.now.get(), 0, 3] {
            input.number(number);
        }
        input.take() + &event
    }

    fn carry_out(&self, command: Command) {
        match command {
            Command::Start => self.schedule(0, format!("start\0{}\0", "5".repeat(64))),
            Command::Abort(exchange) => {
                self.scripts.borrow_mut().remove(&exchange);
            }
            Command::Send(exchange, sent) => {
                self.sent.borrow_mut().push(sent);
                let after = self.scripts.borrow()[&exchange].head_after;
                self.schedule(after, format!("response\0{exchange}\x00200\x000\0"));
            }
            Command::Read(exchange, max) => {
                let mut scripts = self.scripts.borrow_mut();
                let script = scripts.get_mut(&exchange).unwrap();
                let Some((after, piece)) = script.body.first_mut() else {
                    let end = match script.breaks {
                        true => format!("failure\0{exchange}\0HTTP-response-incomplete\0\0"),
                        false => format!("data\0{exchange}\x001\0"),
                    };
                    return self.schedule(0, end);
                };
                let after = std::mem::take(after);
                let rest = piece.split_off(piece.len().min(max as usize));
                let now = std::mem::replace(piece, rest);
                if piece.is_empty() {
                    script.body.remove(0);
                }
                let bytes = ron_abi::to_latin1(&now);
                self.schedule(after, format!("data\0{exchange}\x000\0{bytes}"));
            }
        }
    }

    fn schedule(&self, after: u64, event: String) {
        self.made.set(self.made.get() + 1);
        let key = (self.now.get() + after, self.made.get());
        self.events.borrow_mut().insert(key, event);
    }
}
