//! One HTTP request and its answer, between the component that wants it and the host that does it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use ron_abi::Writer;

use crate::commands::{self, Send};
use crate::defaults::{MAX_HEADER_SECTION_BYTES, MAX_READ_BYTES, READ_AHEAD_BYTES};
use crate::failure::Failure;
use crate::header_block::HeaderBlock;

/// The exchanges that somebody holds.
#[derive(Default)]
pub struct Exchanges {
    /// The call that new exchanges belong to.
    pub call: Cell<u64>,
    commands: RefCell<Writer>,
    made: Cell<u64>,
    /// By id, ascending, as they are made.
    held: RefCell<Vec<(u64, Weak<Exchange>)>>,
}

impl Exchanges {
    /// Takes the commands that are queued, as output items.
    pub fn drain(&self) -> String {
        self.commands.borrow_mut().take()
    }

    fn queue(&self, write: impl FnOnce(&mut Writer)) {
        write(&mut self.commands.borrow_mut());
    }

    /// The exchange with this id, if somebody still holds it.
    pub fn find(&self, id: u64) -> Option<Rc<Exchange>> {
        let held = self.held.borrow();
        let at = held.binary_search_by_key(&id, |(held, _)| *held).ok()?;
        held[at].1.upgrade()
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.held.borrow().len() as u32
    }

    fn next_id(&self) -> u64 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    fn insert(&self, exchange: &Rc<Exchange>) {
        let held = Rc::downgrade(exchange);
        self.held.borrow_mut().push((exchange.id, held));
    }

    fn remove(&self, id: u64) {
        let mut held = self.held.borrow_mut();
        if let Ok(at) = held.binary_search_by_key(&id, |(held, _)| *held) {
            held.remove(at);
        }
    }
}

/// The head of an answer. The header section stays as the host framed it until somebody looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The header section.
    pub headers: HeaderBlock,
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

/// Where the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It knows nothing of the exchange.
    Unsent,
    /// It is at work.
    UnderWay,
    /// It has nothing more to tell, nor to hold for the component.
    Over,
}

/// One request and its answer.
///
/// It belongs to the future of the answer, then to the answer, to its body with the body's stream,
/// and to the trailers. When the last of them is dropped before the end, the host is told.
pub struct Exchange {
    /// Its id.
    pub id: u64,
    all: &'static Exchanges,
    call: u64,
    stage: Cell<Stage>,
    head: RefCell<Option<Head>>,
    head_seen: Cell<bool>,
    failure: RefCell<Option<Failure>>,
    /// Bytes that nobody has read yet.
    received: RefCell<Received>,
    /// How many bytes the host has been asked for and not given.
    asked: Cell<Option<u64>>,
    /// Whether the host was ever asked for bytes.
    was_read: Cell<bool>,
}

/// What one `data` brought, and how much of it was read.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    read: usize,
}

impl Received {
    fn is_empty(&self) -> bool {
        self.read == self.bytes.len()
    }

    fn take(&mut self, max: u64) -> Vec<u8> {
        let left = self.bytes.len() - self.read;
        let now = usize::try_from(max).unwrap_or(usize::MAX).min(left);
        if now == self.bytes.len() {
            return std::mem::take(&mut self.bytes);
        }
        let taken = self.bytes[self.read..self.read + now].to_vec();
        self.read += now;
        if self.is_empty() {
            *self = Self::default();
        }
        taken
    }
}

impl Exchange {
    /// An exchange of the running call, not sent yet.
    pub fn new(all: &'static Exchanges) -> Rc<Self> {
        let exchange = Rc::new(Self {
            id: all.next_id(),
            all,
            call: all.call.get(),
            stage: Cell::new(Stage::Unsent),
            head: RefCell::default(),
            head_seen: Cell::default(),
            failure: RefCell::default(),
            received: RefCell::default(),
            asked: Cell::default(),
            was_read: Cell::default(),
        });
        all.insert(&exchange);
        exchange
    }

    /// Queues the request.
    pub fn send(&self, request: &Send) {
        self.stage.set(Stage::UnderWay);
        self.all
            .queue(|out| commands::send(out, self.call, self.id, request));
    }

    /// Whether the head, or a failure instead of it, is here.
    pub fn has_head(&self) -> bool {
        self.head.borrow().is_some() || self.has_failed()
    }

    /// Takes the head, or the failure that came instead of it. `None` while neither is here.
    pub fn take_head(&self) -> Option<Result<Head, Failure>> {
        match self.head.take() {
            Some(head) => Some(Ok(head)),
            None => self.failure().map(Err),
        }
    }

    /// Whether `read` would answer something else than `Pending`. Asks the host if not.
    pub fn has_chunk(&self) -> bool {
        let now = !self.received.borrow().is_empty() || self.has_ended();
        if !now {
            self.ask(READ_AHEAD_BYTES);
        }
        now
    }

    /// Takes up to `max` bytes of the body. Asks the host if there are none.
    pub fn read(&self, max: u64) -> Chunk {
        let mut received = self.received.borrow_mut();
        if !received.is_empty() {
            return Chunk::Bytes(received.take(max));
        }
        if let Some(failure) = self.failure() {
            return Chunk::Failed(failure);
        }
        if self.stage.get() == Stage::Over {
            return Chunk::End;
        }
        if max > 0 {
            self.ask(max.min(MAX_READ_BYTES));
        }
        Chunk::Pending
    }

    /// Throws away what nobody will read. Whether the body is at its end; asks the host if not.
    pub fn drain(&self) -> bool {
        self.received.take();
        self.has_chunk()
    }

    /// Leaves the body to the host, which holds it. Refused if any of it was asked for.
    pub fn release(&self) -> bool {
        let whole = self.stage.get() == Stage::UnderWay
            && self.head_seen.get()
            && !self.was_read.get()
            && !self.has_failed();
        if whole {
            self.stage.set(Stage::Over);
        }
        whole
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.failure.borrow().clone()
    }

    /// Breaks it off from this side. The host hears of it when the exchange is dropped.
    pub fn fail(&self, failure: Failure) {
        if !self.has_ended() {
            self.failure.replace(Some(failure));
        }
    }

    /// The head has come. A second one is ignored.
    pub fn on_response(&self, head: Head) {
        if !self.is_heard() || self.head_seen.replace(true) {
            return;
        }
        let size = head.headers.size();
        if size > MAX_HEADER_SECTION_BYTES {
            self.fail(Failure::sized(
                "HTTP-response-header-section-size",
                size as u64,
            ));
        } else {
            self.head.replace(Some(head));
        }
    }

    /// Bytes of the body have come.
    pub fn on_data(&self, bytes: Vec<u8>, end: bool) {
        if self.on_passed(bytes.len() as u64, end) {
            *self.received.borrow_mut() = Received { bytes, read: 0 };
        }
    }

    /// Bytes of the body have come; whether they are wanted. What nobody asked for can't be part of
    /// the body, and passing it over would leave a hole, so it breaks the exchange.
    pub fn on_passed(&self, bytes: u64, end: bool) -> bool {
        if !self.is_heard() {
            return false;
        }
        if self.asked.take().is_none_or(|asked| bytes > asked) {
            self.fail(Failure::internal(
                "the host sent more than it was asked for",
            ));
            return false;
        }
        if end {
            self.stage.set(Stage::Over);
        }
        true
    }

    /// The exchange broke at the host.
    pub fn on_failure(&self, failure: Failure) {
        if self.stage.get() == Stage::UnderWay {
            self.fail(failure);
            self.stage.set(Stage::Over);
        }
    }

    /// Whether events still count: the host knows of the exchange, and neither side has ended it.
    fn is_heard(&self) -> bool {
        self.stage.get() == Stage::UnderWay && !self.has_failed()
    }

    fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    fn has_ended(&self) -> bool {
        self.stage.get() == Stage::Over || self.has_failed()
    }

    fn ask(&self, max: u64) {
        if self.asked.get().is_none() {
            self.asked.set(Some(max));
            self.was_read.set(true);
            self.all
                .queue(|out| commands::read(out, self.call, self.id, max));
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.all.remove(self.id);
        if self.stage.get() == Stage::UnderWay {
            self.all
                .queue(|out| commands::abort(out, self.call, self.id));
        }
    }
}
