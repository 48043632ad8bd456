//! One HTTP request and its answer, between the component that wants it and the host that does it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use crate::commands::{self, Send};
use crate::header_block::HeaderBlock;
use crate::state;

/// How much is asked for at a time when nobody named a size, in bytes.
const READ_AHEAD: u64 = 64 * 1024;

/// The exchanges that somebody holds, by id.
#[derive(Default)]
struct Table {
    made: Cell<u64>,
    held: RefCell<BTreeMap<u64, Weak<Exchange>>>,
}

thread_local! {
    static TABLE: Table = Table::default();
}

/// Why an exchange failed: a case of `wasi:http/types.error-code` by its WIT name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the case.
    pub code: String,
    /// Its payload, if it has a text.
    pub detail: String,
}

/// The head of an answer. The header section stays as the host framed it until somebody looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The header section.
    pub headers: HeaderBlock,
}

/// What is known of the answer's head.
enum HeadState {
    Waiting,
    Here(Result<Head, Failure>),
    Taken,
}

/// What can be had of the body right now.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing yet; the host has been asked.
    Pending,
    /// The end.
    End,
    /// The exchange broke.
    Failed(Failure),
}

/// One request and its answer. When the last holder drops it before its end, the host is told.
pub struct Exchange {
    /// Its id.
    pub id: u64,
    call: u64,
    sent: Cell<bool>,
    head: RefCell<HeadState>,
    buffer: RefCell<Vec<u8>>,
    /// The host has nothing more to tell or to hold.
    ended: Cell<bool>,
    failure: RefCell<Option<Failure>>,
    reading: Cell<bool>,
}

impl Exchange {
    /// An exchange of the running call, not sent yet.
    pub fn new() -> Rc<Self> {
        TABLE.with(|table| {
            table.made.set(table.made.get() + 1);
            let exchange = Rc::new(Self {
                id: table.made.get(),
                call: state::with(|state| state.call.get()),
                sent: Cell::new(false),
                head: RefCell::new(HeadState::Waiting),
                buffer: RefCell::default(),
                ended: Cell::new(false),
                failure: RefCell::default(),
                reading: Cell::new(false),
            });
            let held = Rc::downgrade(&exchange);
            table.held.borrow_mut().insert(exchange.id, held);
            exchange
        })
    }

    /// Queues the request.
    pub fn send(&self, request: &Send) {
        self.sent.set(true);
        state::with(|state| {
            commands::send(
                &mut state.commands.borrow_mut(),
                self.call,
                self.id,
                request,
            );
        });
    }

    /// Whether the head, or a failure instead of it, is here.
    pub fn has_head(&self) -> bool {
        !matches!(*self.head.borrow(), HeadState::Waiting)
    }

    /// Takes the head: `None` while it isn't here, an error of its own the second time.
    pub fn take_head(&self) -> Option<Result<Result<Head, Failure>, ()>> {
        let mut head = self.head.borrow_mut();
        match std::mem::replace(&mut *head, HeadState::Taken) {
            HeadState::Waiting => {
                *head = HeadState::Waiting;
                None
            }
            HeadState::Here(answer) => Some(Ok(answer)),
            HeadState::Taken => Some(Err(())),
        }
    }

    /// Whether `read` would answer something else than `Pending`. Asks the host if not.
    pub fn has_chunk(&self) -> bool {
        let now =
            !self.buffer.borrow().is_empty() || self.ended.get() || self.failure.borrow().is_some();
        if !now {
            self.ask(READ_AHEAD);
        }
        now
    }

    /// Takes up to `max` bytes of the body.
    pub fn read(&self, max: u64) -> Chunk {
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() {
            let now = usize::try_from(max).unwrap_or(usize::MAX).min(buffer.len());
            let rest = buffer.split_off(now);
            return Chunk::Bytes(std::mem::replace(&mut *buffer, rest));
        }
        drop(buffer);
        if let Some(failure) = &*self.failure.borrow() {
            return Chunk::Failed(failure.clone());
        }
        if self.ended.get() {
            return Chunk::End;
        }
        if max > 0 {
            self.ask(max);
        }
        Chunk::Pending
    }

    /// Leaves the body to the host, which holds it.
    pub fn release(&self) {
        self.ended.set(true);
    }

    /// The head has come.
    pub fn on_response(&self, head: Head) {
        let mut state = self.head.borrow_mut();
        if matches!(*state, HeadState::Waiting) {
            *state = HeadState::Here(Ok(head));
        }
    }

    /// Bytes of the body have come.
    pub fn on_data(&self, bytes: &[u8], end: bool) {
        self.reading.set(false);
        self.buffer.borrow_mut().extend_from_slice(bytes);
        if end {
            self.ended.set(true);
        }
    }

    /// The exchange broke.
    pub fn on_failure(&self, failure: Failure) {
        self.ended.set(true);
        let mut head = self.head.borrow_mut();
        if matches!(*head, HeadState::Waiting) {
            *head = HeadState::Here(Err(failure));
        } else {
            *self.failure.borrow_mut() = Some(failure);
        }
    }

    fn ask(&self, max: u64) {
        if !self.reading.replace(true) {
            state::with(|state| {
                commands::read(&mut state.commands.borrow_mut(), self.call, self.id, max);
            });
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        TABLE.with(|table| table.held.borrow_mut().remove(&self.id));
        if self.sent.get() && !self.ended.get() {
            state::with(|state| {
                commands::abort(&mut state.commands.borrow_mut(), self.call, self.id);
            });
        }
    }
}

/// The exchange with this id, if somebody still holds it.
pub fn find(id: u64) -> Option<Rc<Exchange>> {
    TABLE.with(|table| table.held.borrow().get(&id)?.upgrade())
}

/// How many exchanges somebody holds.
pub fn count() -> u32 {
    TABLE.with(|table| table.held.borrow().len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::deliver;

    fn commands() -> Vec<String> {
        let items = state::with(|state| state.commands.borrow_mut().take());
        items.split_terminator('\0').map(str::to_owned).collect()
    }

    fn sent() -> Rc<Exchange> {
        state::with(|state| state.call.set(7));
        let exchange = Exchange::new();
        exchange.send(&Send {
            method: "GET".to_owned(),
            url: "http://h/app/x".to_owned(),
            ..Send::default()
        });
        exchange
    }

    #[test]
    fn a_sent_exchange_is_aborted_when_its_last_holder_drops_it() {
        let exchange = sent();
        assert_eq!(
            commands(),
            [
                "7",
                "send",
                "1",
                "GET",
                "http://h/app/x",
                "",
                "",
                "",
                "0",
                ""
            ]
        );
        drop(exchange);
        assert_eq!(commands(), ["7", "abort", "1"]);
        assert!(find(1).is_none());
    }

    #[test]
    fn an_exchange_that_was_never_sent_is_dropped_in_silence() {
        drop(Exchange::new());
        assert!(commands().is_empty());
    }

    #[test]
    fn a_released_body_is_never_read_nor_aborted() {
        let exchange = sent();
        commands();
        deliver("response\x001\x00200\x001\x00a\x00\u{e9}\x00").unwrap();
        let head = exchange.take_head().unwrap().unwrap().unwrap();
        assert_eq!(head.headers.entries(), [("a".to_owned(), vec![0xe9])]);
        assert_eq!(exchange.take_head(), Some(Err(())));
        exchange.release();
        drop(exchange);
        assert!(commands().is_empty());
    }

    #[test]
    fn a_body_is_asked_for_once_and_read_in_any_size() {
        let exchange = sent();
        commands();
        deliver("response\x001\x00500\x000\x00").unwrap();
        assert_eq!(exchange.read(10), Chunk::Pending);
        assert_eq!(exchange.read(10), Chunk::Pending);
        assert!(!exchange.has_chunk());
        assert_eq!(commands(), ["7", "read", "1", "10"]);
        deliver("data\x001\x000\x00a\0b\r\n").unwrap();
        assert_eq!(exchange.read(2), Chunk::Bytes(b"a\0".to_vec()));
        assert_eq!(exchange.read(9), Chunk::Bytes(b"b\r\n".to_vec()));
        assert_eq!(exchange.read(9), Chunk::Pending);
        deliver("data\x001\x001\x00").unwrap();
        assert_eq!(exchange.read(9), Chunk::End);
        commands();
        drop(exchange);
        assert!(commands().is_empty());
    }

    #[test]
    fn a_failure_takes_the_place_of_the_head_or_of_the_rest_of_the_body() {
        let refused = Failure {
            code: "connection-refused".to_owned(),
            detail: "111".to_owned(),
        };
        let early = sent();
        deliver("failure\x001\x00connection-refused\x00111\x00").unwrap();
        assert_eq!(early.take_head(), Some(Ok(Err(refused.clone()))));
        let late = sent();
        deliver("response\x002\x00500\x000\x00").unwrap();
        deliver("data\x002\x000\x00x").unwrap();
        deliver("failure\x002\x00connection-refused\x00111\x00").unwrap();
        assert_eq!(late.read(9), Chunk::Bytes(b"x".to_vec()));
        assert_eq!(late.read(9), Chunk::Failed(refused));
    }

    #[test]
    fn late_and_malformed_events_change_nothing() {
        deliver("response\x0099\x00200\x000\x00").unwrap();
        let exchange = sent();
        for bad in [
            "",
            "nonsense\0",
            "response\0",
            "response\x001\x0070000\x000\x00",
            "response\x001\x00200\x001\x00a\0",
            "data\x001\x002\x00x",
            "data\x001\x000\x00€",
            "failure\x001\x00\x00\x00",
            "tick\x00x\x00",
        ] {
            assert!(deliver(bad).is_err(), "{bad:?}");
        }
        assert!(!exchange.has_head());
        assert_eq!(exchange.read(1), Chunk::Pending);
    }
}
