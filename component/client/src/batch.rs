//! Messages that came together, and the text that they cross to a host as.

use std::mem;
use std::rc::Rc;

use ron_abi::{Writer, escaped_bytes};
use ron_core::event_stream::Message;

/// The longest id that is repeated with each event, in bytes: to look for repetitions costs the reader.
const LONGEST_REPEATED_ID: usize = 64;

/// Messages that came together.
pub struct Batch {
    /// The messages.
    pub messages: Vec<Message>,
    /// The last event id behind them.
    pub last_event_id: Rc<str>,
    /// How many events were dropped since the last batch because they came again.
    pub duplicates: u32,
    /// How many heartbeats were dropped since the last batch.
    pub heartbeats: u32,
}

impl Batch {
    /// Whether it has an event, or had one that was dropped.
    pub fn has_event(&self) -> bool {
        let mut messages = self.messages.iter();
        self.duplicates > 0
            || self.heartbeats > 0
            || messages.any(|message| matches!(message, Message::Event(_)))
    }

    /// Whether there is nothing to tell but a last event id.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.duplicates == 0 && self.heartbeats == 0
    }

    /// How many bytes the fields take, at the most.
    pub fn bytes(&self) -> usize {
        /// The ends of a message's fields, and its number.
        const FRAME: usize = 32;
        let mut before = None;
        let messages = self.messages.iter().map(|message| match message {
            Message::Event(event) => {
                let id = if is_sign_enough(before.replace(&event.id), &event.id) {
                    0
                } else {
                    escaped_bytes(&event.id)
                };
                FRAME + escaped_bytes(&event.kind) + escaped_bytes(&event.data) + id
            }
            Message::Comment(text) => FRAME + escaped_bytes(text),
        });
        2 * FRAME + escaped_bytes(&self.last_event_id) + messages.sum::<usize>()
    }

    /// The fields of an `events` item of `docs/abi.md`. The messages are given once.
    pub fn take_fields(&mut self) -> String {
        // Events may be large: neither a growing text nor what was written already takes memory.
        let mut out = Writer::with_capacity(self.bytes());
        let messages = mem::take(&mut self.messages);
        out.escaped(&self.last_event_id);
        out.number(self.duplicates.into());
        out.number(self.heartbeats.into());
        out.number(messages.len() as u64);
        let mut before: Option<Rc<str>> = None;
        for message in messages {
            match message {
                Message::Event(event) => {
                    out.escaped(&event.kind);
                    out.escaped(&event.data);
                    if is_sign_enough(before.as_ref(), &event.id) {
                        out.repeated();
                    } else {
                        out.escaped(&event.id);
                    }
                    out.optional_number(event.retry);
                    before = Some(event.id);
                }
                // No event has an empty type.
                Message::Comment(text) => {
                    for field in ["", &text, "", ""] {
                        out.escaped(field);
                    }
                }
            }
        }
        out.take()
    }
}

/// Whether a sign stands for an id after this one.
fn is_sign_enough(before: Option<&Rc<str>>, id: &Rc<str>) -> bool {
    id.len() > LONGEST_REPEATED_ID && before.is_some_and(|before| Rc::ptr_eq(before, id))
}
