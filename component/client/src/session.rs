//! Sessions: a configuration, and what a root and those derived from it share.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::rc::Rc;
use std::task::Waker;

use litemap::LiteMap;
use ron_core::config::{Config, Overrides};
use ron_core::credential;
use ron_core::defaults::{MAX_HEADS_BYTES, MAX_LARGE_ERRORS, MAX_STREAMS_BYTES, STREAM_BYTES};
use ron_core::error::{Error, ErrorKind};
use ron_core::ids;
use ron_core::request::{self, Call, Prepared};
use ron_core::retry::Budget;

use crate::credentials::Credentials;
use crate::limiter::Limiter;
use crate::wit::wasi::clocks::wall_clock as wall;
use crate::wit::wasi::random::random;

/// What a root session and those derived from it share.
pub struct Root {
    /// Places for exchanges.
    pub limiter: Rc<Limiter>,
    /// What retries may cost.
    pub budget: RefCell<Budget>,
    /// Places for reading large error answers.
    pub large_errors: Rc<Limiter>,
    /// The bytes of the heads of all calls under way.
    heads: Cell<u64>,
    /// The bytes that are held of all streams.
    streams: Cell<u64>,
    /// Calls to wake when a session closes.
    calls: RefCell<LiteMap<Reverse<u64>, Waker>>,
    calls_made: Cell<u64>,
}

/// A session.
pub struct Session {
    /// Its configuration.
    pub config: Config,
    /// What authorises its requests.
    pub credentials: Rc<Credentials>,
    /// What it shares.
    pub root: Rc<Root>,
    parent: Option<Rc<Session>>,
    closed: Cell<bool>,
}

impl Session {
    /// A root session.
    pub fn open(config: Config) -> Rc<Self> {
        Rc::new(Self {
            root: Rc::new(Root {
                limiter: Limiter::new(config.max_concurrency, config.max_queue),
                budget: RefCell::default(),
                large_errors: Limiter::new(MAX_LARGE_ERRORS, u32::MAX),
                heads: Cell::new(0),
                streams: Cell::new(0),
                calls: RefCell::default(),
                calls_made: Cell::new(0),
            }),
            credentials: Credentials::new(&config),
            config,
            parent: None,
            closed: Cell::new(false),
        })
    }

    /// A session that shares this one's root and ends with it. `now` is the wall clock.
    ///
    /// # Errors
    ///
    /// Kinds `config`, `request` and `capability`.
    pub fn derive(self: &Rc<Self>, overrides: Overrides, now: u64) -> Result<Rc<Self>, Error> {
        let has_own = overrides.credential.is_given();
        let config = self.config.derive(overrides, now)?;
        Ok(Rc::new(Self {
            credentials: match has_own {
                true => Credentials::new(&config),
                false => self.credentials.clone(),
            },
            config,
            root: self.root.clone(),
            parent: Some(self.clone()),
            closed: Cell::new(false),
        }))
    }

    /// Checks that its right has not ended.
    ///
    /// # Errors
    ///
    /// Kind `capability`.
    pub fn check_time(&self) -> Result<(), Error> {
        match self.config.caveats.expires_at {
            None => Ok(()),
            Some(_) => self.config.caveats.check_time(wall_clock()),
        }
    }

    /// Ends the session.
    pub fn close(&self) {
        self.closed.set(true);
        for waker in self.root.calls.borrow().values().rev() {
            waker.wake_by_ref();
        }
    }

    /// Whether it, or one that it is derived from, was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
            || self
                .parent
                .as_ref()
                .is_some_and(|parent| parent.is_closed())
    }

    /// Checks a call, completes it and makes room for its head, until that is dropped.
    ///
    /// # Errors
    ///
    /// Kinds `request`, `too-large` and `capability`, or `overload`: the heads of the calls under way take too much
    /// already.
    pub fn prepare(&self, call: &Call) -> Result<(Prepared, Head), Error> {
        let request_id = || ids::request_id(randomness());
        let key = || ids::idempotency_key(randomness());
        self.check_time()?;
        let prepared = request::prepare(&self.config, call, request_id, key)?;
        self.check_target(&prepared.target)?;
        let head = self.room_for(&prepared)?;
        Ok((prepared, head))
    }

    /// Checks that a path and query hold no credential of this session or of those that it is derived
    /// from.
    ///
    /// # Errors
    ///
    /// Kind `request`.
    pub fn check_target(&self, target: &str) -> Result<(), Error> {
        if self.credentials.redactor().finds(target) {
            return Err(credential::in_url());
        }
        self.parent
            .as_ref()
            .map_or(Ok(()), |parent| parent.check_target(target))
    }

    fn room_for(&self, prepared: &Prepared) -> Result<Head, Error> {
        let bytes = prepared.size();
        let heads = self.root.heads.get().saturating_add(bytes);
        if heads > MAX_HEADS_BYTES {
            return Err(Error::new(
                ErrorKind::Overload,
                "heads_full",
                format!(
                    "the paths and headers of all calls under way would take {heads} bytes, more than {MAX_HEADS_BYTES}; make fewer calls at once or send the data in bodies"
                ),
            ));
        }
        self.root.heads.set(heads);
        Ok(Head {
            root: self.root.clone(),
            bytes,
        })
    }

    /// Takes the credential out of every text that an error carries.
    pub fn scrub(&self, error: &mut Error) {
        let redactor = &self.credentials.redactor();
        redactor.scrub(&mut error.message);
        redactor.scrub(&mut error.code);
        if let Some(problem) = &mut error.problem {
            problem.scrub(redactor);
        }
    }

    /// A text without the credential.
    pub fn scrubbed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.credentials.redactor().scrub(&mut text);
        text
    }

    /// Has `waker` woken when a session of this root closes, until the result is dropped.
    pub fn watch(&self, waker: &Waker) -> Watch {
        let id = self.root.calls_made.get();
        self.root.calls_made.set(id + 1);
        let mut calls = self.root.calls.borrow_mut();
        calls.insert(Reverse(id), waker.clone());
        Watch {
            root: self.root.clone(),
            id,
        }
    }
}

/// The room of a stream: itself, a half event, its ids, and what is handed over.
pub struct StreamRoom {
    root: Rc<Root>,
    bytes: u64,
}

impl StreamRoom {
    /// None yet, for a stream of this root.
    pub fn new(root: &Rc<Root>) -> Self {
        Self {
            root: root.clone(),
            bytes: 0,
        }
    }

    /// The stream holds so many bytes now.
    ///
    /// # Errors
    ///
    /// Kind `too-large`: those of all streams take too much.
    pub fn resize(&mut self, bytes: usize) -> Result<(), Error> {
        let bytes = bytes as u64 + STREAM_BYTES;
        let all = self.root.streams.get() - self.bytes + bytes;
        self.root.streams.set(all);
        self.bytes = bytes;
        if all > MAX_STREAMS_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "streams_full",
                "the unfinished events and ids of all streams take more than 16 MiB; lower max_event_bytes or subscribe to fewer streams",
            ));
        }
        Ok(())
    }
}

impl Drop for StreamRoom {
    fn drop(&mut self) {
        self.root.streams.set(self.root.streams.get() - self.bytes);
    }
}

/// The room of a call's head.
pub struct Head {
    root: Rc<Root>,
    bytes: u64,
}

impl Drop for Head {
    fn drop(&mut self) {
        self.root.heads.set(self.root.heads.get() - self.bytes);
    }
}

/// A call's wish to hear of closing.
pub struct Watch {
    root: Rc<Root>,
    id: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.root.calls.borrow_mut().remove(&Reverse(self.id));
    }
}

/// The wall clock in nanoseconds since 1970.
pub fn wall_clock() -> u64 {
    let now = wall::now();
    now.seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(now.nanoseconds.into())
}

fn randomness() -> [u8; 16] {
    let (high, low) = (random::get_random_u64(), random::get_random_u64());
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}
